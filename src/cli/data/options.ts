import type { ArrayData } from '../../library/dataset.js';

/** How to read a data set; what does not apply to its format is refused, not ignored. */
export interface DataOptions {
  /** Column with the label: its name, or its number from 0; negative from the end. */
  readonly label?: string;
  /** Columns that are left out. */
  readonly drop?: readonly string[];
  /** Columns whose numbers are names of something. */
  readonly categories?: readonly string[];
  readonly skipIncomplete?: boolean;
  readonly delimiter?: string;
  readonly encoding?: string;
  readonly scale?: Scale;
  /** Names of the arrays in an .npz. */
  readonly arrays?: readonly [inputs: string, labels: string];
  readonly imageSize?: ImageSize;
  readonly channels?: 1 | 3;
}

/** `none`: as they are; `255`: divided by 255; `standard`: each number column to mean 0 and deviation 1. */
export const SCALES = ['none', '255', 'standard'] as const;
export type Scale = (typeof SCALES)[number];

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A data set in memory, and how it came about, in words for a person. */
export interface ReadData {
  readonly data: ArrayData;
  readonly numExamples: number;
  /** In the order of their numbers; null: the labels are numbers of the file. */
  readonly classes: readonly string[] | null;
  readonly normalisation: string;
  /** Rows that were left out because a value is missing. */
  readonly skipped: number;
}
