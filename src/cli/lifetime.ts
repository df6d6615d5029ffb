/** Owns what a command has started, and ends it on every way out: done, failed, or Ctrl-C. */
export interface Lifetime {
  /** Aborted when the command is told to end. */
  readonly signal: AbortSignal;
  /**
   * Takes charge of something from the moment it begins to start: what is half started at Ctrl-C is waited for and then
   * ended as well. Ended in reverse order.
   */
  readonly own: <T>(starting: Promise<T>, end: Ender<T>) => Promise<T>;
}

export interface Ender<T> {
  /** In good order. */
  readonly end: (thing: T) => Promise<void> | void;
  /** At the second Ctrl-C: whatever is quick. */
  readonly force?: (thing: T) => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DIE_WITHIN_MS = 500;
type EndSignal = (typeof SIGNALS)[number];
const EXIT_CODES: Readonly<Record<EndSignal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Runs `work`, then ends what it owns. At a signal it ends that first and then dies of the same signal, so that a shell
 * or an init system sees what it expects; at the second one it forces everything.
 *
 * @param onSignal told at the first signal, to say that ending takes a moment
 */
export async function withLifetime<T>(
  work: (lifetime: Lifetime) => Promise<T>,
  onSignal: (signal: NodeJS.Signals) => void = () => undefined,
): Promise<T> {
  const controller = new AbortController();
  const owned: { end: () => Promise<void>; force: () => void }[] = [];
  const lifetime: Lifetime = {
    signal: controller.signal,
    own<Thing>(starting: Promise<Thing>, { end, force }: Ender<Thing>) {
      let started: { readonly thing: Thing } | null = null;
      const settled = starting.then(
        (thing) => {
          started = { thing };
        },
        () => undefined,
      );
      owned.push({
        async end() {
          await settled;
          if (started !== null) await end(started.thing);
        },
        force() {
          if (started !== null) force?.(started.thing);
        },
      });
      return starting;
    },
  };
  let ending: Promise<void> | null = null;
  const endAll = (): Promise<void> => (ending ??= endInReverse(owned));
  const died = new Promise<never>(() => undefined);
  const handle = (signal: EndSignal): void => {
    if (controller.signal.aborted) {
      for (const thing of [...owned].reverse()) thing.force();
      process.exit(EXIT_CODES[signal]);
    }
    controller.abort(new Error(`ended by ${signal}`));
    // After what listens to the abort has let go of the screen.
    onSignal(signal);
    const reraise = (): void => {
      release();
      process.kill(process.pid, signal);
      // The first process of a container is not killed by a signal that it does not handle.
      setTimeout(() => process.exit(EXIT_CODES[signal]), DIE_WITHIN_MS);
    };
    endAll().then(reraise, reraise);
  };
  const release = (): void => {
    for (const signal of SIGNALS) process.off(signal, handle);
  };
  for (const signal of SIGNALS) process.on(signal, handle);
  const finish = async (): Promise<void> => {
    // After a signal the process dies of it; nothing after this may run before that.
    if (controller.signal.aborted) await died;
    await endAll().finally(release);
  };
  let result: T;
  try {
    result = await work(lifetime);
  } catch (error) {
    // What went wrong first is what to tell.
    await finish().catch(() => undefined);
    throw error;
  }
  await finish();
  return result;
}

async function endInReverse(owned: readonly { end: () => Promise<void> }[]): Promise<void> {
  let problem: unknown;
  for (const thing of [...owned].reverse()) {
    // One thing that cannot be ended must not keep the others alive.
    await thing.end().catch((error: unknown) => (problem ??= error));
  }
  if (problem !== undefined)
    throw problem instanceof Error ? problem : new Error('Something could not be ended.');
}
