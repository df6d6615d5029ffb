import { Library, type LocalData } from '../../library/index.js';
import { useBestNodeBackend } from '../../library/tf-backend-node.js';
import type { PoolIdentity } from '../../protocol/client/pool-identity.js';
import { ApiClient } from '../../protocol/client/request.js';
import { readData } from '../data/read-data.js';
import type { DataOptions, ReadData } from '../data/options.js';
import { withLifetime, type Lifetime } from '../lifetime.js';
import { readApiKey } from './api-key.js';
import { startHealth } from './health.js';
import { leaveWell } from './leave-well.js';
import { pin } from './pin.js';
import { report, sayOn, type Say } from './report.js';
import { firstSessionEnd } from './session-end.js';
import { stableLibraryId } from './state-dir.js';

export interface RunOptions extends DataOptions {
  readonly urls: readonly string[];
  readonly json: boolean;
  readonly data: string;
  readonly dataset: string;
  readonly keyFile?: string;
  readonly repo?: string;
  readonly poolKey?: readonly string[];
  readonly libraryId?: string;
  readonly stateDir: string;
  readonly once?: boolean;
  readonly graceMs: number;
  readonly metricsPort?: number;
}

/** `cloud-node library`: takes part until it is told to end, or until one session is over. */
export async function runLibrary(options: RunOptions): Promise<void> {
  const say = sayOn(process.stdout, options.json);
  const apiKey = readApiKey(options, process.env);
  const identity = options.poolKey === undefined ? null : pin(options.poolKey, apiKey);
  const libraryId = stableLibraryId(options.stateDir, options.libraryId);
  const read = await readData(options.data, options);
  say('data', describe(options.data, options.dataset, read));
  await withLifetime(
    (lifetime) => takePart({ options, apiKey, identity, libraryId, read, say }, lifetime),
    (signal) => say('leaving', { signal }),
  );
}

interface Participation {
  readonly options: RunOptions;
  readonly apiKey: string;
  readonly identity: PoolIdentity | null;
  readonly libraryId: string;
  readonly read: ReadData;
  readonly say: Say;
}

async function takePart(
  { options, apiKey, identity, libraryId, read, say }: Participation,
  lifetime: Lifetime,
): Promise<void> {
  const { urls, poolKey, dataset, graceMs, metricsPort } = options;
  const backend = await useBestNodeBackend();
  const pinned = poolKey === undefined ? {} : { poolKey };
  const library = new Library({ url: urls, apiKey, libraryId, tf: useBestNodeBackend, ...pinned });
  library.addData(dataset, read.data satisfies LocalData);
  if (metricsPort !== undefined) {
    const health = startHealth(metricsPort, library, read.numExamples);
    const { port } = await lifetime.own(health, { end: (server) => server.close() });
    say('health', { port });
  }
  report(library, say);
  const refused = new Promise<never>((_, reject) => {
    let last: Error = new Error('The Library has stopped.');
    library.on('error', (error) => (last = error));
    // The error comes right after the state.
    library.on('state', (state) => {
      if (state === 'stopped') queueMicrotask(() => reject(last));
    });
  });
  refused.catch(() => undefined);
  void lifetime.own(Promise.resolve(library), { end: () => leaveWell(library, graceMs) });

  const told = new Promise<void>((resolve) => lifetime.signal.addEventListener('abort', () => resolve()));
  await Promise.race([library.join(), refused, told]);
  if (lifetime.signal.aborted) return;
  say('joined', { library: libraryId, backend });
  const ends: Promise<unknown>[] = [refused, told];
  if (options.once === true)
    ends.push(oneSession({ library, urls, apiKey, identity, libraryId, say }, lifetime.signal));
  await Promise.race(ends);
}

async function oneSession(
  {
    library,
    urls,
    apiKey,
    identity,
    libraryId,
    say,
  }: Pick<Participation, 'apiKey' | 'identity' | 'libraryId' | 'say'> & {
    readonly library: Library;
    readonly urls: readonly string[];
  },
  signal: AbortSignal,
): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, 'library-id': libraryId };
  const admit = identity === null ? undefined : (url: string): Promise<void> => identity.admit(url);
  const api = new ApiClient({ urls, headers: () => headers, admit });
  try {
    const { sessionId, state } = await firstSessionEnd(library, api, signal);
    say('session', { session: sessionId, state });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function describe(file: string, dataset: string, read: ReadData): Readonly<Record<string, unknown>> {
  const { data, numExamples, classes, normalisation, skipped } = read;
  return {
    file,
    dataset,
    examples: numExamples,
    input: data.inputShape.join('x'),
    label: data.labelShape.join('x'),
    normalisation,
    ...(classes === null ? {} : { classes: classes.join(',') }),
    ...(skipped === 0 ? {} : { skipped }),
  };
}
