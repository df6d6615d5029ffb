import type { ExploraSession } from '../explora/session.js';
import type { PoolApi } from './api.js';
import { watchSession } from './demo/watch-session.js';
import { CliError, EXIT } from './errors.js';
import { withLifetime } from './lifetime.js';
import type { Output } from './output.js';

export interface WatchTarget {
  readonly session: ExploraSession;
  readonly repoId: string;
  readonly api: PoolApi;
  readonly out: Output;
}

/**
 * Shows a session until it ends; with `--json`, only what it came to. Ctrl-C stops looking, not the session.
 * @throws CliError (failed) when it failed or was cancelled
 */
export async function watchUntilEnd({ session, repoId, api, out }: WatchTarget): Promise<void> {
  const { sessionId } = session;
  const view = await withLifetime(
    async ({ signal }) => {
      const begin = await session.get();
      await watchSession({
        session: begin,
        events: session.follow({ signal }),
        signal,
        title: `${begin.job.name} · ${repoId} · ${sessionId}`,
        testSet: '',
        pool: () => api.pool(),
        stream: out.json ? process.stderr : process.stdout,
        style: out.style,
        live: !out.json && process.stdout.isTTY && process.env['TERM'] !== 'dumb',
        silent: out.json,
      });
      return session.get();
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
