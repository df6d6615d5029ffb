import { once } from 'node:events';
import { connect } from 'node:net';
import type { RedisOptions } from 'ioredis';

/**
 * What a Redis is told, as MONITOR shows it. By hand: ioredis takes a line that comes with the answer to MONITOR for the
 * answer to a command that nobody gave.
 */
export async function watchCommands({
  path,
  host,
  port,
}: Pick<RedisOptions, 'path' | 'host' | 'port'>): Promise<{ told(): string; close(): void }> {
  const socket = path ? connect(path) : connect(port ?? 6379, host ?? 'localhost');
  const chunks: Buffer[] = [];
  const begun = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      resolve();
    });
  });
  await once(socket, 'connect');
  socket.write('MONITOR\r\n');
  await begun;
  return { told: () => Buffer.concat(chunks).toString(), close: () => void socket.destroy() };
}
