import type { Library, RoundReport } from '../../library/index.js';

export type Say = (what: string, data?: Readonly<Record<string, unknown>>) => void;

/** Lines on stdout, one an occurrence: words for people and journals, or JSON. */
export function sayOn(stream: NodeJS.WritableStream, json: boolean): Say {
  return (what, data = {}) => {
    const at = new Date().toISOString();
    const fields = Object.entries(data).map(([name, value]) => `${name}=${textOf(value)}`);
    const line = json ? JSON.stringify({ at, what, ...data }) : [at, what, ...fields].join(' ');
    stream.write(`${line}\n`);
  };
}

/** Tells each change of state, how each assignment ended, and each error once until another one comes. */
export function report(library: Library, say: Say): void {
  let lastError = '';
  library.on('state', (state) => say(state));
  library.on('round', (round) => {
    lastError = '';
    say(round.outcome, detailsOf(round));
  });
  library.on('error', ({ message }) => {
    if (message !== lastError) say('error', { message });
    lastError = message;
  });
}

function detailsOf({ sessionId, round, metrics }: RoundReport): Readonly<Record<string, unknown>> {
  return { session: sessionId, round, ...metrics };
}

function textOf(value: unknown): string {
  if (typeof value === 'number')
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text);
}
