import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * What a Redis is told, as MONITOR shows it. By hand: ioredis takes a line that comes with the answer to MONITOR for the
 * answer to a command that nobody gave.
 *
 * @param url `redis://host:port`, or the path of a socket
 */
export async function watchCommands(url: string): Promise<{ told(): string; close(): void }> {
  const isPath = url.startsWith('/');
  const { hostname, port } = isPath ? { hostname: '', port: '' } : new URL(url);
  const socket = isPath ? connect(url) : connect(Number(port), hostname);
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
