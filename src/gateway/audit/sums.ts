/** How long the same is only counted after it was written, and how many different ones are told apart meanwhile. */
export interface SumRule {
  readonly windowMs: number;
  readonly maxKinds: number;
}

interface Sum<T> {
  readonly what: T;
  readonly untilMs: number;
  readonly group: string;
  more: number;
}

export interface SumInput<T> {
  /** Same text: the same happened again. */
  readonly kind: string;
  /** Kinds of one group share `maxKinds`. */
  readonly group: string;
  readonly rule: SumRule;
  readonly what: T;
  /** What is written of those of the group that are too many to be told apart. */
  readonly others: T;
  /** How often it happened. @default 1 */
  readonly count?: number;
}

/** Over all groups; what comes then is summed by group, or in one sum where groups have no end either. */
const MAX_SUMS = 4_096;
const OVERFLOW = 'overflow';

/**
 * Turns what may happen without limit into a bounded number of entries: the first of a kind is written at once, the
 * same within the window is counted and written with its count when that ends.
 */
export class Sums<T> {
  readonly #sums = new Map<string, Sum<T>>();
  readonly #kinds = new Map<string, number>();
  readonly #write: (what: T, count: number) => void;
  readonly #overflow: T | null;

  /** @param overflow what is written of those that find no place, where whoever is refused may name new groups */
  constructor(write: (what: T, count: number) => void, overflow: T | null) {
    this.#write = write;
    this.#overflow = overflow;
  }

  add({ kind, group, rule, what, others, count = 1 }: SumInput<T>, nowMs: number): void {
    const [name, first] = this.#place(kind, group, rule, { what, others });
    const sum = this.#sums.get(name);
    if (sum !== undefined) return void (sum.more += count);
    this.#sums.set(name, { what: first, untilMs: nowMs + rule.windowMs, group, more: 0 });
    this.#kinds.set(group, (this.#kinds.get(group) ?? 0) + 1);
    this.#write(first, count);
  }

  #place(kind: string, group: string, rule: SumRule, { what, others }: { what: T; others: T }): [string, T] {
    if (this.#sums.has(kind)) return [kind, what];
    const isFull = this.#sums.size >= MAX_SUMS;
    if (isFull && this.#overflow !== null) return [OVERFLOW, this.#overflow];
    return isFull || (this.#kinds.get(group) ?? 0) >= rule.maxKinds
      ? [`others of ${group}`, others]
      : [kind, what];
  }

  /** Writes what was counted in windows that have ended; `Infinity`: in all. */
  flush(nowMs: number): void {
    for (const [name, { what, untilMs, group, more }] of this.#sums) {
      if (untilMs > nowMs) continue;
      this.#sums.delete(name);
      const kinds = (this.#kinds.get(group) ?? 1) - 1;
      if (kinds === 0) this.#kinds.delete(group);
      else this.#kinds.set(group, kinds);
      if (more > 0) this.#write(what, more);
    }
  }
}
