import type { GlobalOptions } from '../context.js';
import type { Style } from '../style.js';

export interface DemoOptions extends GlobalOptions {
  readonly rounds?: number;
  readonly libraries: number;
  readonly iid?: boolean;
  readonly keep?: boolean;
  readonly port?: number;
}

/** Where the demo talks: to the person on stdout, or on stderr when stdout is for the JSON result. */
export interface Stage {
  readonly stream: NodeJS.WriteStream;
  readonly style: Style;
  /** Redraws a screen instead of writing lines. */
  readonly live: boolean;
}
