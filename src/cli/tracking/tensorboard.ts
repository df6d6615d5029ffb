import { appendFile, mkdir, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import type { SessionView } from '../../protocol/http.js';
import { notWritable } from './not-writable.js';
import { pointsRecord, readEvents, versionRecord } from './event-file.js';
import { pointKey, type MetricPoint } from './points.js';
import type { Tracker } from './tracker.js';

/**
 * An event file in a folder of the session's own below `dir`. It has the same name each time and is continued, so a
 * TensorBoard that reads it goes on reading.
 * @throws CliError when it cannot be written
 */
export async function openTensorboard(dir: string, view: SessionView): Promise<Tracker> {
  const folder = path.join(dir, view.sessionId);
  // TensorBoard knows event files by "tfevents", and reads those of a folder in the order of their names.
  const file = path.join(folder, `events.out.tfevents.${Math.floor(view.createdMs / 1000)}.cloud-node`);
  const append = (bytes: Buffer): Promise<void> =>
    appendFile(file, bytes).catch((error: unknown) => {
      throw notWritable(file, error);
    });
  let known: Set<string>;
  try {
    await mkdir(folder, { recursive: true });
    known = await knownPoints(file);
  } catch (error) {
    throw notWritable(folder, error);
  }
  if (known.size === 0) {
    await truncate(file, 0).catch(() => undefined);
    await append(versionRecord(view.createdMs));
  }
  return {
    label: `TensorBoard: ${folder} (tensorboard --logdir ${dir})`,
    async write(points) {
      const fresh = points.filter((point) => !known.has(pointKey(point)));
      if (fresh.length === 0) return;
      // One call: a reader never sees half a record for long, and two writers never mix theirs.
      await append(Buffer.concat(recordsOf(fresh)));
      for (const point of fresh) known.add(pointKey(point));
    },
    end: () => Promise.resolve(),
  };
}

/** What an earlier watch has written; a record that it did not finish is cut off. */
async function knownPoints(file: string): Promise<Set<string>> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
    throw error;
  }
  const { wholeBytes, points } = readEvents(bytes);
  if (wholeBytes < bytes.length) await truncate(file, wholeBytes);
  return new Set(points.map(pointKey));
}

function recordsOf(points: readonly MetricPoint[]): Buffer[] {
  const events = new Map<string, MetricPoint[]>();
  for (const point of points) {
    const key = `${point.step} ${point.atMs}`;
    events.set(key, [...(events.get(key) ?? []), point]);
  }
  return [...events.values()].flatMap((all) =>
    all[0] === undefined ? [] : [pointsRecord(all[0].step, all[0].atMs, all)],
  );
}
