import { CloudNodeError } from '../../protocol/errors.js';
import { ARENA_HEAD_BYTES } from '../../tensors/fold-arena.js';
import { FreeList } from '../../tensors/free-list.js';
import { sharedMemory } from '../../tensors/wasm.js';
import { threadKernels, type IntakeKernels } from './kernel-thread.js';

/** What one Repo may hold of it: the others always find some. */
const REPO_SHARE = 7 / 8;

/** A part of the memory that somebody holds, until it is released. */
export interface Place {
  readonly at: number;
  readonly bytes: number;
  view(offset: number, bytes: number): Uint8Array;
  /** Only when nobody reads or writes it any more; once. */
  release(): void;
}

/** What somebody would like to hold. */
interface Wish {
  readonly repoId: string;
  readonly bytes: number;
  /** The Repo is to hold no more than this with it. */
  readonly capBytes: number;
}

interface Waiting extends Wish {
  settle(place: Place | null): void;
}

/**
 * Bounds the memory for uploads, in all and for one Repo. Who waits for a place is not read from, so the sender waits
 * too: memory stays flat however many send.
 */
export class IntakeMemory {
  readonly bytes: number;
  readonly kernels: IntakeKernels;
  readonly #buffer: WebAssembly.Memory['buffer'];
  readonly #free: FreeList;
  readonly #held = new Map<string, number>();
  #waiting: Waiting[] = [];
  #releasedMs = -Infinity;

  constructor(bytes: number, kernelsOver: (memory: WebAssembly.Memory) => IntakeKernels = threadKernels) {
    const memory = sharedMemory(ARENA_HEAD_BYTES + bytes);
    this.bytes = bytes;
    this.kernels = kernelsOver(memory);
    this.#buffer = memory.buffer;
    this.#free = new FreeList(ARENA_HEAD_BYTES, ARENA_HEAD_BYTES + bytes);
  }

  get freeBytes(): number {
    return this.#free.freeBytes;
  }

  /** The most that one Repo can ever hold. */
  get maxBytesPerRepo(): number {
    return Math.floor(this.bytes * REPO_SHARE);
  }

  /** @returns null when there is no room, and for `waitMs` nobody has made any */
  async take(
    repoId: string,
    bytes: number,
    { waitMs, capBytes = Infinity }: { readonly waitMs: number; readonly capBytes?: number },
  ): Promise<Place | null> {
    if (bytes > this.maxBytesPerRepo) return null;
    const wish = { repoId, bytes, capBytes: Math.min(capBytes, this.maxBytesPerRepo) };
    const behind = this.#waiting.some((waiting) => waiting.repoId === repoId || !this.#isCapped(waiting));
    const place = behind ? null : this.#tryTake(wish);
    if (place !== null || waitMs <= 0) return place;
    return new Promise((resolve) => {
      const waiting: Waiting = {
        ...wish,
        settle: (found) => {
          clearTimeout(timer);
          this.#waiting = this.#waiting.filter((other) => other !== waiting);
          resolve(found);
        },
      };
      const giveUp = (): void => {
        const leftMs = this.#releasedMs + waitMs - performance.now();
        if (leftMs > 0) {
          timer = setTimeout(giveUp, leftMs);
          return;
        }
        waiting.settle(null);
        this.#serve();
      };
      let timer = setTimeout(giveUp, waitMs);
      this.#waiting.push(waiting);
    });
  }

  /** @throws `rate_limited` where `take` gives null */
  async require(repoId: string, bytes: number, waitMs: number): Promise<Place> {
    const place = await this.take(repoId, bytes, { waitMs });
    if (place !== null) return place;
    throw new CloudNodeError(
      'rate_limited',
      `This gateway holds ${this.bytes} bytes of uploads at once (INTAKE_BYTES), ${this.maxBytesPerRepo} of one Repo; none was released within ${waitMs / 1000} s, and there is no room for ${bytes}.`,
      { retryAfterMs: 2_000 },
    );
  }

  #isCapped({ repoId, bytes, capBytes }: Wish): boolean {
    return (this.#held.get(repoId) ?? 0) + bytes > capBytes;
  }

  #tryTake(wish: Wish): Place | null {
    const { repoId, bytes } = wish;
    if (this.#isCapped(wish)) return null;
    const at = this.#free.take(bytes);
    if (at === null) return null;
    this.#held.set(repoId, (this.#held.get(repoId) ?? 0) + bytes);
    return {
      at,
      bytes,
      view: (offset, length) => new Uint8Array(this.#buffer, at + offset, length),
      release: () => this.#release({ repoId, at, bytes }),
    };
  }

  #release({ repoId, at, bytes }: { repoId: string; at: number; bytes: number }): void {
    this.#free.giveBack(at, bytes);
    this.#releasedMs = performance.now();
    const held = (this.#held.get(repoId) ?? 0) - bytes;
    if (held > 0) this.#held.set(repoId, held);
    else this.#held.delete(repoId);
    this.#serve();
  }

  /** In order, so that large ones get their turn; whoever is at his Repo's bound lets others pass. */
  #serve(): void {
    for (const waiting of [...this.#waiting]) {
      const place = this.#tryTake(waiting);
      if (place !== null) waiting.settle(place);
      else if (!this.#isCapped(waiting)) return;
    }
  }
}
