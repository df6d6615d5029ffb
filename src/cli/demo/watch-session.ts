import type { LoggedEvent, PoolStatus, SessionView } from '../../protocol/http.js';
import type { Style } from '../style.js';
import { startLiveBlock } from './live.js';
import { advance, beginProgress, type Progress } from './progress.js';
import { RoundLines } from './round-lines.js';
import { renderScreen } from './screen.js';

export interface WatchOptions {
  readonly session: SessionView;
  /** From the first event on; ends after the final one. */
  readonly events: AsyncIterable<LoggedEvent>;
  readonly title: string;
  readonly testSet: string;
  /** Hints for whoever looks on; asked for at each redraw. */
  readonly footer?: () => readonly string[];
  /** What happened around the session; a redrawn screen shows the last ones. */
  readonly asides?: () => readonly string[];
  /** Asked now and then for the line about the pool; a rejection leaves the last one standing. */
  readonly pool: () => Promise<PoolStatus>;
  readonly stream: NodeJS.WriteStream;
  readonly style: Style;
  /** A redrawn screen instead of lines. */
  readonly live: boolean;
  /** Shows nothing at all. */
  readonly silent?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the view at once, so that what is said next does not mix with it. */
  readonly signal?: AbortSignal;
}

const REDRAW_MS = 250;
const POOL_MS = 2_000;

/**
 * Shows a session until it ends, and returns what was seen of it.
 * @throws the reason of `signal` when that comes first
 */
export async function watchSession(options: WatchOptions): Promise<Progress> {
  let progress = beginProgress(options.session);
  const show = options.silent ? SILENT : options.live ? liveView(options) : lineView(options);
  const abort = (): void => show.end(progress);
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    for await (const { event } of options.events) {
      progress = advance(progress, event);
      options.onProgress?.(progress);
      show.update(progress);
    }
    options.signal?.throwIfAborted();
    return progress;
  } finally {
    options.signal?.removeEventListener('abort', abort);
    show.end(progress);
  }
}

interface Shown {
  update(progress: Progress): void;
  /** May be called again. */
  end(progress: Progress): void;
}

const SILENT: Shown = { update: () => undefined, end: () => undefined };

function lineView({ stream, style }: WatchOptions): Shown {
  const rounds = new RoundLines(style);
  const write = (progress: Progress, ended: boolean): void => {
    for (const line of rounds.take(progress, ended)) stream.write(`${line}\n`);
  };
  return { update: (progress) => write(progress, false), end: (progress) => write(progress, true) };
}

function liveView(options: WatchOptions): Shown {
  const { session, title, testSet, stream, style } = options;
  const block = startLiveBlock(stream);
  let current = beginProgress(session);
  let poolStatus: PoolStatus | null = null;
  const draw = (): void => {
    const size = { columns: stream.columns || 80, rows: stream.rows || 24 };
    const elapsedMs = (session.endedMs ?? Date.now()) - session.createdMs;
    const asides = options.asides?.() ?? [];
    const footer = options.footer?.() ?? [];
    const scene = { title, progress: current, elapsedMs, pool: poolStatus, testSet, asides, footer };
    block.draw(renderScreen(scene, size, style));
  };
  const ask = (): void => {
    options.pool().then(
      (status) => (poolStatus = status),
      () => undefined,
    );
  };
  const timers = [setInterval(draw, REDRAW_MS), setInterval(ask, POOL_MS)];
  ask();
  draw();
  return {
    // The timer draws: many updates in one instant are one picture.
    update: (progress) => {
      current = progress;
    },
    end: (progress) => {
      for (const timer of timers) clearInterval(timer);
      current = progress;
      draw();
      block.end();
    },
  };
}
