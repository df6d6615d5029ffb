/** What an answer may be: everything of the error table but what says that the pool is broken. */
const EXPECTED_5XX = new Set(['storage_full', 'draining', 'gateway_busy']);
const SHOWN = 20;
const SHOWN_BYTES = 600;

export interface Seen {
  valid: number;
  accepted: number;
  refused: number;
}

/** Counts what came of all inputs, and shows the first ones that should not have been. */
export class Findings {
  inputs = 0;
  hangs = 0;
  unexpected5xx = 0;
  /** Whole requests to which the connection was closed without an answer. */
  dropped = 0;
  readonly statuses = new Map<string, number>();
  readonly targets = new Map<string, Seen>();
  readonly schemas = new Set<string>();
  readonly mutations = new Map<string, number>();
  readonly #say: (text: string) => void;
  #shown = 0;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  sent(target: string, { schema, mutation }: { schema: string | undefined; mutation: string }): Seen {
    this.inputs++;
    if (schema !== undefined) this.schemas.add(schema);
    this.mutations.set(mutation, (this.mutations.get(mutation) ?? 0) + 1);
    const seen = this.targets.get(target) ?? { valid: 0, accepted: 0, refused: 0 };
    if (mutation === '') seen.valid++;
    this.targets.set(target, seen);
    return seen;
  }

  answered(seen: Seen, answer: { status: number; code: string }, show: () => string): void {
    const key = answer.code === '' ? String(answer.status) : answer.code;
    this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
    if (answer.status < 400) seen.accepted++;
    else seen.refused++;
    if (answer.status < 500 || EXPECTED_5XX.has(answer.code)) return;
    this.unexpected5xx++;
    this.show(`${answer.status} ${answer.code}`, show);
  }

  hung(show: () => string): void {
    this.hangs++;
    this.show('hang', show);
  }

  closed(isWhole: boolean, show: () => string): void {
    this.statuses.set('closed', (this.statuses.get('closed') ?? 0) + 1);
    if (!isWhole) return;
    this.dropped++;
    this.show('dropped', show);
  }

  show(what: string, input: () => string): void {
    if (this.#shown++ < SHOWN) this.#say(`${what}: ${input().slice(0, SHOWN_BYTES)}`);
  }
}
