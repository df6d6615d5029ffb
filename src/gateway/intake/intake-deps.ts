import type { BlobStore } from '../../blobs/blob-store.js';
import type { WorkQueues } from '../../redis/queues.js';
import type { Stores } from '../../redis/stores.js';
import type { Logger } from '../../telemetry/logger.js';
import type { IntakeMemory } from './intake-memory.js';

/** What taking an update needs of a gateway. */
export interface IntakeDeps {
  readonly stores: Stores;
  readonly blobs: BlobStore;
  readonly queues: WorkQueues;
  readonly log: Logger;
  readonly intake: IntakeMemory;
}
