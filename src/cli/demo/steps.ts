import { duration } from '../format.js';
import type { Style } from '../style.js';

/** Narrates what is prepared, one line a step with the time it took. */
export interface Steps {
  run<T>(what: string, work: () => Promise<T>, done?: (result: T) => string): Promise<T>;
}

export interface StepsOptions {
  readonly stream: Pick<NodeJS.WriteStream, 'write'>;
  readonly style: Style;
  /** Shows a step while it runs, and writes over it when it is done. */
  readonly live: boolean;
}

export function createSteps({ stream, style, live }: StepsOptions): Steps {
  return {
    async run(what, work, done) {
      const startedMs = performance.now();
      if (live) stream.write(`  ${style.dim(`… ${what}`)}`);
      const over = live ? '\r\x1b[2K' : '';
      try {
        const result = await work();
        const took = style.dim(duration(performance.now() - startedMs));
        stream.write(`${over}  ${style.green('✓')} ${done?.(result) ?? what}  ${took}\n`);
        return result;
      } catch (error) {
        stream.write(`${over}  ${style.red('✗')} ${what}\n`);
        throw error;
      }
    },
  };
}
