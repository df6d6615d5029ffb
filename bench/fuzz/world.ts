import { encodeFrame } from '../../src/protocol/frame.js';
import type { Probe } from '../../src/protocol/probe.js';
import { PROTOCOL_VERSION } from '../../src/protocol/ids.js';
import { denseModel } from '../lib/dense-model.js';
import type { Dice } from './dice.js';
import type { Known } from './from-schema.js';

/** Who sends: mostly somebody who may. */
export interface Credentials {
  readonly admin: string;
  readonly owner: string;
  readonly explora: string;
  readonly dashboard: string;
  readonly apiKey: string;
  /** Valid once, valid elsewhere, or never. */
  readonly bad: readonly string[];
}

export interface Lease {
  readonly sessionId: string;
  readonly round: number;
  readonly attempt: number;
  readonly version: number;
}

export const LIBRARIES = 12;
export const TEST_SET = 'test-set';
const REMEMBERED = 40;

/** What the fuzzer knows of the Repo that it plays with, from the answers it got: so that valid traffic stays valid. */
export class World {
  readonly repoId: string;
  /** A Repo where it may read, and in which a session runs that it must not disturb. */
  readonly calm: { readonly repoId: string; sessionId: string };
  readonly credentials: Credentials;
  readonly model = denseModel(3, 2);
  /** Set before anything is sent. */
  kerasFiles: Readonly<Record<'h5' | 'keras', Uint8Array>> = {
    h5: new Uint8Array(8),
    keras: new Uint8Array(8),
  };
  readonly leases = new Map<string, Lease>();
  readonly #ids = new Map<string, string[]>();
  #count = 0;

  constructor(
    credentials: Credentials,
    names: { readonly repoId: string; readonly calm: World['calm']; readonly modelId: string },
  ) {
    this.credentials = credentials;
    this.repoId = names.repoId;
    this.calm = names.calm;
    this.learn('modelId', names.modelId);
  }

  learn(kind: string, id: unknown): void {
    if (typeof id !== 'string') return;
    const ids = this.#ids.get(kind) ?? [];
    if (!ids.includes(id)) ids.push(id);
    // The first stays: it was there before anything was sent, and nothing removes it.
    if (ids.length > REMEMBERED) ids.splice(1, 1);
    this.#ids.set(kind, ids);
  }

  anyId(kind: string, dice: Dice): string {
    const ids = this.#ids.get(kind);
    return ids === undefined ? 'none' : dice.pick(ids);
  }

  library(dice: Dice): string {
    return `f-${dice.below(LIBRARIES)}`;
  }

  newName(prefix: string): string {
    return `${prefix}-${this.#count++}`;
  }

  known(dice: Dice, libraryId = this.library(dice)): Known {
    const lease = this.leases.get(libraryId);
    const { model } = this;
    return {
      repoId: () => this.repoId,
      sessionId: () => lease?.sessionId ?? this.anyId('sessionId', dice),
      round: () => lease?.round ?? 1,
      attempt: () => lease?.attempt ?? 1,
      modelId: () => this.anyId('modelId', dice),
      testSetId: () => dice.pick([null, TEST_SET]),
      datasetId: () => 'data',
      libraryId: () => libraryId,
      updateId: () => this.newName('u'),
      protocolVersion: () => PROTOCOL_VERSION,
      topology: () => model.topology,
      tensors: () => model.tensors,
      encoding: () => 'f32',
      format: () => 'tfjs-layers',
      // Seldom: it is that of one model, and few sessions would come of the others.
      probe: () => (dice.chance(0.3) ? this.probe(dice) : undefined),
    };
  }

  /** What comes after the header of an update or a model. */
  weights(dice: Dice): Uint8Array {
    const values = this.model.weights.map(() => Math.fround(dice.real() - 0.5));
    return new Uint8Array(values.buffer);
  }

  /** For any of its models; the answers are those of the first. */
  probe(dice: Dice): Probe {
    const { weights } = this.model;
    const [a, b, c] = [dice.real(), dice.real(), dice.real()];
    const at = (i: number): number => weights[i] ?? 0;
    const answers = [0, 1].map((unit) => a * at(unit) + b * at(2 + unit) + c * at(4 + unit) + at(6 + unit));
    return {
      inputs: [{ shape: [1, 3], values: [a, b, c] }],
      outputs: [{ shape: [1, 2], values: answers }],
    };
  }

  modelFrame(dice: Dice): Uint8Array {
    const { name, topology, tensors } = this.model;
    return encodeFrame({ name, topology, tensors }, this.weights(dice));
  }
}
