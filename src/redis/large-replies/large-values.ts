import { randomBytes } from 'node:crypto';
import { Socket, type NetConnectOpts } from 'node:net';
import { AbstractConnector, Cluster, type RedisOptions } from 'ioredis';
import { readInto } from '../../net/read-into.js';
import { SpareMemory } from '../../tensors/spare-memory.js';
import { duplicate, endConnection, type RedisClient } from '../connection.js';
import { ReplyScanner, type ScannedReplies } from './reply-scanner.js';

/** How a value that was taken from a connection is called in its place; nobody can have stored such a thing. */
const NAME_BYTES = 32;

/** Shared pieces of memory: a gateway keeps 32 MiB of shards, an aggregator works on four at once with eight updates of each. */
const MAX_SHARED = 40;

type Place = Pick<RedisOptions, 'path' | 'host' | 'port' | 'family' | 'disconnectTimeout'>;

/**
 * Gets large values over a connection of its own, each read from the socket into the memory that is returned. ioredis
 * by itself puts each together from chunks, which V8 collects much later, and takes up to two fifths more processor
 * time; and short replies no longer wait behind long ones. Where the connection is not a plain one (TLS, Sentinel) ioredis reads it.
 */
export class LargeValues {
  readonly #redis: RedisClient;
  readonly #kept = new Map<string, Uint8Array>();
  readonly #memory = new SpareMemory(MAX_SHARED);
  #client: RedisClient | null = null;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  async get(key: string): Promise<Uint8Array | null> {
    this.#client ??= this.#connect();
    const reply = await this.#client.getBuffer(key);
    if (reply?.length !== NAME_BYTES) return reply;
    return this.#kept.get(reply.toString('latin1')) ?? reply;
  }

  /** The memory of a value that nobody reads any more: another value may come into it. */
  giveBack(value: Uint8Array): void {
    this.#memory.giveBack(value);
  }

  async close(): Promise<void> {
    if (this.#client !== null) await endConnection(this.#client);
    this.#client = null;
  }

  #connect(): RedisClient {
    const { sentinels, tls }: RedisOptions =
      this.#redis instanceof Cluster ? (this.#redis.options.redisOptions ?? {}) : this.#redis.options;
    if ((sentinels ?? null) !== null || tls !== undefined) return duplicate(this.#redis);
    const large = (value: Uint8Array): string => this.#keep(value);
    const allocate = (bytes: number): Uint8Array => this.#memory.take(bytes);
    class Connector extends ScanningConnector {
      constructor(place: Place) {
        super(place, { large, allocate });
      }
    }
    return duplicate(this.#redis, undefined, { Connector: Connector as never, protocol: 2 });
  }

  #keep(value: Uint8Array): string {
    const name = randomBytes(NAME_BYTES / 2).toString('hex');
    this.#kept.set(name, value);
    // Whoever asked has it in this turn; one that gave up waiting never takes it.
    setImmediate(() => this.#kept.delete(name));
    return name;
  }
}

/** Connects as ioredis does by itself, with a socket whose replies are scanned. */
class ScanningConnector extends AbstractConnector {
  readonly #place: Place;
  readonly #values: Pick<ScannedReplies, 'large' | 'allocate'>;

  constructor(place: Place, values: Pick<ScannedReplies, 'large' | 'allocate'>) {
    super(place.disconnectTimeout ?? 2_000);
    this.#place = place;
    this.#values = values;
  }

  override async connect(): Promise<Socket> {
    const scanner = new ReplyScanner({
      ...this.#values,
      pass: (bytes) => void socket.push(Buffer.from(bytes)),
      unknown: () => void socket.destroy(new Error('Redis sent what is no RESP2')),
    });
    const socket = new Socket({ onread: readInto(() => scanner) } as object);
    this.connecting = true;
    // As ioredis: it listens for errors by then.
    await new Promise((resolve) => process.nextTick(resolve));
    if (!this.connecting) throw new Error('Connection is closed.');
    const { path, host, port, family } = this.#place;
    const to = path ? { path } : { host: host ?? 'localhost', port: port ?? 6379, family: family ?? 0 };
    this.stream = socket.connect(to as NetConnectOpts);
    socket.once('error', (error) => (this.firstError = error));
    return socket;
  }
}
