/** In the order in which they run: what is asked for first, what sends it last. */
const ask: (() => void)[] = [];
const send: (() => void)[] = [];
let due = false;

/**
 * Runs once, when everything that this turn of the event loop brought has been looked at: many requests come in one turn,
 * and what they have in common is done once for all of them. `'ask'` may give Redis commands, `'send'` sends them.
 */
export function atEndOfTurn(step: 'ask' | 'send', run: () => void): void {
  (step === 'ask' ? ask : send).push(run);
  if (due) return;
  due = true;
  setImmediate(() => {
    due = false;
    for (const one of ask.splice(0)) one();
    for (const one of send.splice(0)) one();
  });
}
