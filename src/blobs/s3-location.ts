/** Where objects are. */
export interface S3Location {
  readonly bucket: string;
  /** Before every key; empty, or ending in a slash. */
  readonly prefix: string;
  /** Of a store that is not Amazon's. */
  readonly endpoint: string | undefined;
  /** Undefined: as the SDK finds it. */
  readonly region: string | undefined;
}

/** Takes a BLOB_STORE apart; null: bytes are in Redis. The configuration has checked its form. */
export function parseBlobStore(text: string): S3Location | null {
  if (text === 'redis') return null;
  const { hostname, pathname, searchParams } = new URL(text);
  const folders = pathname.split('/').filter((part) => part !== '');
  const endpoint = searchParams.get('endpoint') ?? undefined;
  return {
    bucket: hostname,
    prefix: folders.map((folder) => `${folder}/`).join(''),
    endpoint,
    // Other stores mostly do not care, but a signature needs one.
    region: searchParams.get('region') ?? (endpoint === undefined ? undefined : 'us-east-1'),
  };
}

/** For messages. */
export function placeOf({ bucket, endpoint }: S3Location): string {
  return `bucket "${bucket}" at ${endpoint ?? 'Amazon S3'}`;
}
