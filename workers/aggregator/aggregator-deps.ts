import type { PoolDeps } from '../../src/process/pool-deps.js';
import type { FolderPool } from './folder-pool.js';

/** What an aggregator works with. */
export interface AggregatorDeps extends PoolDeps {
  readonly folders: FolderPool;
}
