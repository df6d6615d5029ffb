import path from 'node:path';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Lifetime } from '../lifetime.js';
import { supervise, type Supervised } from '../supervised.js';

export interface LibrariesOptions {
  readonly count: number;
  readonly urls: readonly string[];
  readonly apiKey: string;
  /** Pinned: they take part in this pool and no other. */
  readonly poolKey: string;
  readonly iid: boolean;
  readonly dataDir: string;
  readonly lifetime: Lifetime;
  readonly onDeath: (library: Supervised, how: string) => void;
  readonly onRestart: (library: Supervised) => void;
}

const LEAVE_WITHIN_MS = 3_000;
/** Each reads its part of the data and loads TF.js, all at the same time on the same machine. */
const JOIN_WITHIN_MS = 60_000;
const JOIN_MS_EACH = 3_000;

/** Starts the participants, each a process of its own with its part of the data, and waits until all have joined. */
export async function startLibraries(options: LibrariesOptions): Promise<readonly Supervised[]> {
  const { count, lifetime } = options;
  const logs = path.join(options.dataDir, 'logs');
  mkdirSync(logs, { recursive: true });
  const libraries = Array.from({ length: count }, (_, part) =>
    supervise({
      name: `library-${part + 1}`,
      role: 'library',
      command: {
        args: [fileURLToPath(new URL('./library-main.js', import.meta.url)), ...argumentsOf(part, options)],
        env: { ...process.env, LIBRARY_API_KEY: options.apiKey },
        logFile: path.join(logs, `library-${part + 1}.log`),
      },
      onDeath: options.onDeath,
      onRestart: options.onRestart,
    }),
  );
  void lifetime.own(Promise.resolve(libraries), {
    end: async (all) => {
      await Promise.all(all.map((library) => library.stop(LEAVE_WITHIN_MS)));
    },
    force: (all) => all.forEach((library) => library.kill('SIGKILL')),
  });
  const withinMs = JOIN_WITHIN_MS + JOIN_MS_EACH * count;
  await Promise.all(libraries.map((library) => library.whenReady(withinMs)));
  return libraries;
}

function argumentsOf(part: number, { count, urls, poolKey, iid }: LibrariesOptions): string[] {
  // Every second one begins with the other gateway; all know both, so that either may go away.
  const order = urls.map((_, at) => urls[(at + part) % urls.length] ?? '');
  return [
    ...order.flatMap((url) => ['--url', url]),
    ...['--library-id', `library-${part + 1}`, '--part', String(part), '--parts', String(count)],
    ...['--pool-key', poolKey],
    ...(iid ? ['--iid'] : []),
  ];
}
