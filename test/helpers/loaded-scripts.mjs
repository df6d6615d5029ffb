/** `node --import` this: on SIGUSR2 the process says which scripts it has loaded since, and how many threads it has. */
import { Session } from 'node:inspector';

const files = [];
const session = new Session();
session.connect();
session.on('Debugger.scriptParsed', ({ params }) => {
  if (params.url.startsWith('file:')) files.push(params.url);
  else if (params.url.startsWith('/')) files.push(`file://${params.url}`);
});
session.post('Debugger.enable');
process.on('SIGUSR2', () => {
  const threads = process.report.getReport().workers.length;
  process.stdout.write(`${JSON.stringify({ loaded: files, threads })}\n`);
});
