import type { Admitted } from './admit-update.js';
import type { ByteSource } from './byte-source.js';
import type { Payload } from './receive-pieces.js';
import type { NewReceipt } from './group-member.js';

/** An update that is coming in. */
export interface Incoming {
  readonly admission: Admitted;
  readonly receipt: NewReceipt;
  readonly source: ByteSource;
  /** Its bytes: all shards, one after another. */
  readonly payload: Payload;
}
