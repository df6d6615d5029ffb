import { blobName } from '../../src/blobs/blob-store.js';
import type { TestSetRecord } from '../../src/protocol/model.js';
import { sizeOfShape } from '../../src/tensors/tensor-specs.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

export interface TestSet {
  readonly numExamples: number;
  readonly inputs: Float32Array;
  readonly inputShape: readonly number[];
  readonly labels: Float32Array;
  readonly labelShape: readonly number[];
}

/** The one that was used last: sessions score version after version on the same set. */
let cached: { sha256: string; testSet: TestSet } | undefined;

/** The test set from its pieces; null when one is gone. */
export async function loadTestSet(
  deps: PoolDeps,
  repoId: string,
  record: TestSetRecord,
): Promise<TestSet | null> {
  if (cached?.sha256 === record.sha256) return cached.testSet;
  const bytes = new Uint8Array(record.bytes);
  let offset = 0;
  for (let shard = 0; shard < record.chunkCount; shard++) {
    const piece = await deps.blobs.get({
      repoId,
      scope: record.blob,
      shard,
      name: blobName.testSet,
    });
    if (piece === null) return null;
    bytes.set(piece, offset);
    offset += piece.length;
    deps.blobs.giveBack?.(piece);
  }
  const { numExamples, inputShape, labelShape } = record.header;
  const values = new Float32Array(bytes.buffer);
  const split = numExamples * sizeOfShape(inputShape);
  const testSet = {
    numExamples,
    inputs: values.subarray(0, split),
    inputShape,
    labels: values.subarray(split),
    labelShape,
  };
  cached = { sha256: record.sha256, testSet };
  return testSet;
}
