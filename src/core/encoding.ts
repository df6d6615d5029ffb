/** How the values of an update may be written; docs/protocol.md has the bytes. */
export const UPDATE_ENCODINGS = ['f32', 'f16', 'q8'] as const;
export type UpdateEncoding = (typeof UPDATE_ENCODINGS)[number];

/** How the parameters of a version may be downloaded. */
export const DOWNLOAD_ENCODINGS = ['f32', 'f16'] as const;
export type DownloadEncoding = (typeof DOWNLOAD_ENCODINGS)[number];

/** The largest finite f16. */
export const MAX_F16 = 65_504;

/** Bytes before the values of a shard (the scale of q8), and bytes of a value. */
const LAYOUTS = {
  f32: { headBytes: 0, valueBytes: 4 },
  f16: { headBytes: 0, valueBytes: 2 },
  q8: { headBytes: 4, valueBytes: 1 },
} as const satisfies Record<UpdateEncoding, { headBytes: number; valueBytes: number }>;

export function encodingLayout(encoding: UpdateEncoding): {
  readonly headBytes: number;
  readonly valueBytes: number;
} {
  return LAYOUTS[encoding];
}

/** Bytes of a shard of `params` parameters. */
export function shardBytes(encoding: UpdateEncoding, params: number): number {
  const { headBytes, valueBytes } = LAYOUTS[encoding];
  return headBytes + params * valueBytes;
}

/** Bytes of all shards, one after another: the payload of an update. */
export function payloadBytes(
  encoding: UpdateEncoding,
  { paramCount, shardParams }: { readonly paramCount: number; readonly shardParams: number },
): number {
  const { headBytes, valueBytes } = LAYOUTS[encoding];
  return headBytes * Math.ceil(paramCount / shardParams) + valueBytes * paramCount;
}
