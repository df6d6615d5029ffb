/**
 * Holds connections without ever showing credentials: some silent, some in the middle of their headers, some upgraded
 * and silent then. What is closed is made again after a while. Says on stdout how many are open:
 *
 *     node hold-connections.mjs <url> <count>
 */
import { connect } from 'node:net';

const AGAIN_MS = 500;
const AT_ONCE = 200;
const STARTS = [
  '',
  'GET /v1/pool HTTP/1.1\r\nHost: pool\r\nX-Slow: ',
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: pool\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
];
const [url = '', count = '0'] = process.argv.slice(2);
const port = Number(new URL(url).port);
let open = 0;
let made = 0;
let closed = 0;

function hold(index) {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => {
    open += 1;
    made += 1;
    const start = STARTS[index % STARTS.length];
    if (start !== '') socket.write(start);
    socket.once('close', () => {
      open -= 1;
      closed += 1;
    });
  });
  socket.on('error', () => undefined).resume();
  socket.once('close', () => setTimeout(hold, AGAIN_MS, index));
}

for (let i = 0; i < Number(count); i += AT_ONCE) {
  for (let j = i; j < Math.min(i + AT_ONCE, Number(count)); j++) hold(j);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
setInterval(() => console.log(JSON.stringify({ open, made, closed })), 100);
