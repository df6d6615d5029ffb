/**
 * The floor that no server can beat: a bare HTTP server that serves the same bytes to every GET and discards what
 * every PUT sends.
 *
 *     node sink.js <bytes>
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const bytes = Buffer.alloc(Number(process.argv[2] ?? 0), 1);
const server = createServer((req, res) => {
  if (req.method === 'GET') return void res.setHeader('Content-Length', bytes.length).end(bytes);
  req.resume().once('end', () => res.end('{}'));
});
// A Library may be silent for longer than Node keeps a connection.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ ready: true, url: `http://127.0.0.1:${port}` })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
