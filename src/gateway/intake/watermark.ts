import { CloudNodeError } from '../../protocol/errors.js';
import type { RedisContext } from '../../redis/context.js';
import { readServerInfo } from '../../redis/server-info.js';
import { metrics } from '../../telemetry/metrics.js';
import { repeat, type Repeating } from '../../telemetry/repeat.js';

const POLL_MS = 1_000;
const RETRY_AFTER_MS = 2_000;

/** Refuses uploads while Redis is nearly full, so that what is stored already can be folded and freed. */
export class Watermark {
  readonly #context: RedisContext;
  readonly #limits: { share: number; maxBytesWithoutLimit: number };
  #polling: Repeating | null = null;
  #used = 0;
  #limit = 0;

  constructor(context: RedisContext, limits: { share: number; maxBytesWithoutLimit: number }) {
    this.#context = context;
    this.#limits = limits;
  }

  start(): void {
    this.#polling = repeat(
      POLL_MS,
      () => this.poll(),
      () => {
        // Redis is away: uploads meet that by themselves.
      },
    );
  }

  async stop(): Promise<void> {
    await this.#polling?.stop();
  }

  async poll(): Promise<void> {
    const { usedMemoryBytes, maxMemoryBytes } = await readServerInfo(this.#context);
    this.#used = usedMemoryBytes;
    this.#limit = maxMemoryBytes || this.#limits.maxBytesWithoutLimit;
    metrics.redisUsedMemoryBytes.set(usedMemoryBytes);
    metrics.redisMaxMemoryBytes.set(this.#limit);
  }

  /** @throws `storage_full` */
  check(): void {
    const watermark = this.#limit * this.#limits.share;
    if (watermark === 0 || this.#used <= watermark) return;
    throw new CloudNodeError(
      'storage_full',
      `Redis uses ${this.#used} bytes; uploads are taken up to ${Math.floor(watermark)}.`,
      { retryAfterMs: Math.round(RETRY_AFTER_MS * (0.75 + Math.random() / 2)) },
    );
  }
}
