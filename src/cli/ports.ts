import { createServer, type AddressInfo } from 'node:net';
import { CliError, EXIT } from './errors.js';

/** Listens for a moment: the port that was got, or null when it is taken. Like a gateway, on all addresses. */
function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '0.0.0.0', () => {
      const got = (server.address() as AddressInfo).port;
      server.close(() => resolve(got));
    });
  });
}

/** A port that was free just now. */
export async function freePort(): Promise<number> {
  const port = await tryPort(0);
  if (port === null) throw new CliError(EXIT.unavailable, 'No port is free on this machine.');
  return port;
}

/** @throws CliError that names the first taken one and a row of ports that would do */
export async function requireFreePorts(first: number, howMany: number): Promise<void> {
  for (let port = first; port < first + howMany; port++) {
    if ((await tryPort(port)) !== null) continue;
    const other = await findRow(port + 1, howMany);
    throw new CliError(EXIT.unavailable, `Port ${port} is taken by another program.`, {
      advice: other === null ? 'Choose another with --port.' : `Choose another: --port ${other}`,
    });
  }
}

async function findRow(from: number, howMany: number): Promise<number | null> {
  let row = 0;
  for (let port = from; port < Math.min(from + 200, 65_536); port++) {
    row = (await tryPort(port)) === null ? 0 : row + 1;
    if (row === howMany) return port - howMany + 1;
  }
  return null;
}
