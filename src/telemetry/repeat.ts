export interface Repeating {
  /** No further run; resolves when the current one is over. */
  stop(): Promise<void>;
}

/** Runs now and again `everyMs` after each end, so that a slow run never meets itself; a failure is told and forgotten. */
export function repeat(
  everyMs: number,
  run: () => Promise<void>,
  onError: (error: unknown) => void,
): Repeating {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const once = async (): Promise<void> => {
    await run().catch(onError);
    if (stopped) return;
    timer = setTimeout(() => {
      running = once();
    }, everyMs);
  };
  let running = once();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
