import type { ExploraSession } from '../explora/session.js';
import type { PoolApi } from './api.js';
import { watchSession } from './demo/watch-session.js';
import { CliError, EXIT } from './errors.js';
import { withLifetime } from './lifetime.js';
import type { Output } from './output.js';
import { openTrackers, type TrackingOptions } from './tracking/options.js';
import { recorded, Recording } from './tracking/recording.js';

export interface WatchTarget {
  readonly session: ExploraSession;
  readonly repoId: string;
  readonly api: PoolApi;
  readonly out: Output;
  readonly tracking: TrackingOptions;
}

/**
 * Shows a session until it ends, and writes its metrics wherever `tracking` says; with `--json`, shows only what it came
 * to. Ctrl-C stops looking, not the session.
 * @throws CliError (failed) when it failed or was cancelled
 */
export async function watchUntilEnd({ session, repoId, api, out, tracking }: WatchTarget): Promise<void> {
  const { sessionId } = session;
  const live = !out.json && process.stdout.isTTY && process.env['TERM'] !== 'dumb';
  const asides: string[] = [];
  const say = (line: string): void => void (live ? asides.push(line) : out.note(line));
  const view = await withLifetime(
    async ({ signal }) => {
      const begin = await session.get();
      const recordings: Recording[] = [];
      for (const tracker of await openTrackers(tracking, begin, process.env)) {
        const onTrouble = ({ message }: Error): void =>
          say(`${message}; it is tried again with the next round`);
        recordings.push(await Recording.begin(tracker, begin, onTrouble));
        out.note(tracker.label);
      }
      await watchSession({
        session: begin,
        events: recorded(session.follow({ signal }), recordings),
        signal,
        title: `${begin.job.name} · ${repoId} · ${sessionId}`,
        testSet: '',
        asides: () => asides,
        pool: () => api.pool(),
        stream: out.json ? process.stderr : process.stdout,
        style: out.style,
        live,
        silent: out.json,
      });
      const end = await session.get();
      for (const recording of recordings) await recording.finish(end);
      return end;
    },
    () => out.note(`The session goes on. Look again: cloud-node watch ${repoId} ${sessionId}`),
  );
  if (view.state !== 'completed') {
    throw new CliError(
      EXIT.failed,
      `Session ${sessionId} ${view.state}: ${view.reason ?? 'no reason given'}`,
      {
        advice: `What it did: cloud-node session ${repoId} ${sessionId}`,
      },
    );
  }
  out.result(view, (style) => [
    '',
    `${style.green('✓')} Session ${sessionId} is completed: ${view.reason ?? `version ${view.version}.`}`,
    ...(view.resultModelId === null
      ? []
      : [style.dim(`  Its model: cloud-node download ${repoId} ${view.resultModelId} --out model`)]),
  ]);
}
