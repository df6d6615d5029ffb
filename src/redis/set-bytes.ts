import type { Writable } from 'node:stream';
import { Command } from 'ioredis';
import type { RedisClient } from './connection.js';

/**
 * SET of a large value, which goes to the socket from where it is: ioredis would first copy the whole command into a
 * new buffer. The bytes must stay as they are until this settles.
 */
export async function setBytes(
  redis: RedisClient,
  key: string,
  { value, ttlMs }: { readonly value: Uint8Array; readonly ttlMs?: number | undefined },
): Promise<void> {
  const options = ttlMs === undefined ? [] : ['PX', String(Math.max(1, Math.round(ttlMs)))];
  // What ioredis itself looks at is the key, for its cluster slot.
  const command = new Command('set', [key, '', ...options], { replyEncoding: 'utf8' });
  command.toWritable = (socket) => {
    const stream = socket as Writable;
    stream.cork();
    stream.write(`*${3 + options.length}\r\n$3\r\nset\r\n${bulk(key)}$${value.length}\r\n`);
    stream.write(Buffer.from(value.buffer, value.byteOffset, value.length));
    process.nextTick(() => stream.uncork());
    // Written by ioredis, behind the others.
    return `\r\n${options.map(bulk).join('')}`;
  };
  await redis.sendCommand(command);
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
