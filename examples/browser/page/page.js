/* The page of the example: shows what the Library does, and lets the owner of the device decide. */
const { BrowserLibrary } = window.cloudNodeLibrary;
const PIXELS = 784;
const PURPOSE = 'Helps to teach a model to read digits.';
const DATASET = 'mnist';

const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat('en');
const size = (bytes) =>
  bytes < 1024
    ? `${bytes} B`
    : bytes < 2 ** 20
      ? `${(bytes / 1024).toFixed(1)} KiB`
      : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const percent = (share) => (share === undefined ? '–' : `${(share * 100).toFixed(1)} %`);

/** What to say in each state: title, explanation, mood of the dot. */
const STATES = {
  off: ['Off', 'Nothing is computed and nothing is sent.', ''],
  starting: ['Getting ready', 'Finding out how this device computes best.', 'busy'],
  waiting: [
    'Another tab takes part',
    'One tab is enough; this one takes over when that one is closed.',
    'wait',
  ],
  paused: ['Paused', 'It goes on by itself.', 'wait'],
  connecting: ['Connecting', 'Looking for the pool.', 'wait'],
  idle: ['Taking part', 'Waiting for a round.', 'good'],
  training: ['Learning', 'The model learns from your pictures, on this device.', 'busy'],
  sending: ['Sending what was learned', 'An update of the model, not your pictures.', 'busy'],
};
const REASONS = {
  whenHidden: 'The page is out of sight.',
  whenSavingData: 'Your browser saves data.',
  whenBatteryLow: 'The battery is low.',
  whenOnBattery: 'The device runs on battery.',
};

const config = await (await fetch('config.json')).json();
const library = new BrowserLibrary({
  url: config.url,
  apiKey: config.apiKey,
  poolKey: config.poolKey,
  worker: () => new Worker('library/cloud-node-library.worker.js'),
  tfScripts: ['core', 'layers', 'backend-webgpu', 'backend-webgl', 'backend-wasm', 'backend-cpu'].map(
    (name) => `tf/tf-${name}.min.js`,
  ),
  wasmPath: 'tf/',
});
// For whoever looks at the page with the browser's tools.
window.library = library;

const history = [];
const sums = { updates: 0, bytes: 0 };
let problem = null;

function showState() {
  const [title, detail, mood] = STATES[library.state];
  const reasons = library.state === 'paused' ? library.verdict.because.map((name) => REASONS[name]) : [];
  $('state').textContent = problem === null ? title : 'Something is wrong';
  $('detail').textContent = problem ?? [...reasons, detail].join(' ');
  $('dot').dataset.mood = problem === null ? mood : 'bad';
  const isOn = library.state !== 'off';
  $('switch').textContent = isOn ? 'Stop' : 'Take part';
  $('switch').classList.toggle('on', isOn);
  if (library.state !== 'training') $('bar').style.width = library.state === 'sending' ? '100%' : '0';
}

function showRound({ round, outcome, sent, metrics, evaluation }) {
  if (sent !== null && outcome === 'counted') {
    sums.updates += 1;
    sums.bytes += sent.bytes;
    $('updates').textContent = number.format(sums.updates);
    $('bytes').textContent = size(sums.bytes);
    $('told').textContent = number.format(sent.numExamples);
    $('norm').textContent = sent.norm.toFixed(3);
  }
  const accuracy = evaluation?.accuracy ?? metrics?.accuracy;
  if (metrics !== null)
    $('metrics').textContent = `${metrics.loss?.toFixed(3) ?? '–'} · ${percent(metrics.accuracy)}`;
  if (accuracy !== undefined) history.push(accuracy);
  const cells = [
    round,
    outcome,
    sent === null ? '–' : size(sent.bytes),
    sent?.norm.toFixed(3) ?? '–',
    percent(accuracy),
  ];
  const row = document.createElement('tr');
  row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
  const rows = $('rounds');
  rows.querySelector('.empty')?.remove();
  rows.prepend(row);
  while (rows.children.length > 8) rows.lastChild.remove();
  drawChart();
}

/** Accuracy from 0 to 100 %, over rounds. */
function drawChart() {
  const grid = [0, 60, 120].map((y) => `<line class="grid" x1="0" x2="600" y1="${y}" y2="${y}"/>`).join('');
  const shown = history.slice(-60);
  const x = (i) => (shown.length < 2 ? 0 : (i / (shown.length - 1)) * 600);
  const points = shown.map((value, i) => `${x(i).toFixed(1)},${(120 - value * 120).toFixed(1)}`);
  const line = points.length > 1 ? `<polyline class="line" points="${points.join(' ')}"/>` : '';
  const area = points.length > 1 ? `<polygon class="area" points="0,120 ${points.join(' ')} 600,120"/>` : '';
  $('chart').innerHTML = grid + area + line;
  const last = history.at(-1);
  if (last !== undefined)
    $('legend').textContent = `The shared model reads ${percent(last)} of your pictures right.`;
}

async function showData() {
  const [kept] = await library.datasets();
  $('examples').textContent = kept === undefined ? '–' : number.format(kept.numExamples);
  $('kept').textContent = kept === undefined ? '–' : size(kept.bytes);
  $('name').textContent = (await library.libraryId()).slice(0, 24) + '…';
}

/** A share of MNIST stands for the pictures of a person; it comes from the server of this example, once. */
async function makeData() {
  if ((await library.datasets()).length > 0) return;
  const bytes = new Uint8Array(await (await fetch('digits.bin')).arrayBuffer());
  const count = bytes.length / (PIXELS + 1);
  const inputs = Float32Array.from(bytes.subarray(0, count * PIXELS), (value) => value / 255);
  const labels = new Float32Array(count * 10);
  bytes.subarray(count * PIXELS).forEach((digit, i) => (labels[i * 10 + digit] = 1));
  await library.addData(DATASET, { inputs, inputShape: [28, 28, 1], labels, labelShape: [10] });
  sessionStorage.setItem('tiles', JSON.stringify([...bytes.subarray(0, 20 * PIXELS)]));
}

function showTiles() {
  const pixels = JSON.parse(sessionStorage.getItem('tiles') ?? '[]');
  for (let at = 0; at < pixels.length; at += PIXELS) {
    const canvas = Object.assign(document.createElement('canvas'), { width: 28, height: 28 });
    const context = canvas.getContext('2d');
    const image = context.createImageData(28, 28);
    for (let i = 0; i < PIXELS; i++) image.data.set([236, 238, 247, pixels[at + i]], i * 4);
    context.putImageData(image, 0, 0);
    $('tiles').append(canvas);
  }
}

library.on('state', () => {
  if (library.state !== 'off') problem = null;
  showState();
});
library.on('policy', showState);
library.on('round', showRound);
library.on(
  'progress',
  ({ epoch, epochs }) => ($('bar').style.width = `${Math.round((epoch / epochs) * 100)}%`),
);
library.on('error', (error) => {
  problem = error.message;
  showState();
});
library.on('backend', ({ name, tried }) => {
  const said = tried.map((one) => `${one.name} ${one.stepMs === null ? '✗' : `${one.stepMs.toFixed(1)} ms`}`);
  $('backend').textContent = `Computes with ${name}. A step of a small network took: ${said.join(', ')}.`;
});

$('switch').onclick = async () => {
  problem = null;
  if (library.state !== 'off') return library.stop();
  $('pool').textContent = new URL(config.url, location.href).host;
  $('consent').showModal();
};
$('consent').onclose = () => {
  if ($('consent').returnValue === 'yes') library.start(PURPOSE).catch((error) => console.error(error));
};
const setPolicy = () =>
  library.setPolicy({
    whenHidden: $('hidden').checked ? 'train' : 'finish',
    whenOnBattery: $('battery').checked ? 'train' : 'stop',
  });
$('hidden').onchange = setPolicy;
$('battery').onchange = setPolicy;
$('forget').onclick = async () => {
  await library.withdraw();
  location.reload();
};

showState();
drawChart();
await makeData();
showTiles();
await showData();
$('switch').disabled = false;
await library.resume();
