/** SHA-256 of the bytes as 64 lower-case hexadecimal digits. Browser-safe (a page needs a secure context: HTTPS). */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  // WebCrypto does not take views on shared memory; those are copied.
  const plain =
    bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
  return toHex(new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', plain)));
}

/**
 * The identity of a model version: SHA-256 of the raw 32-byte digests of its shards, one after another. There is no
 * special case: the root of a single shard is the hash of its hash. Anyone who holds the shard hashes can check it,
 * and each shard can then be checked alone.
 * @throws RangeError when there is no shard or one is not 64 lower-case hexadecimal digits.
 */
export async function rootHash(shardHashes: readonly string[]): Promise<string> {
  if (shardHashes.length === 0) throw new RangeError('A root hash needs at least one shard hash.');
  const digests = new Uint8Array(shardHashes.length * 32);
  shardHashes.forEach((hash, shard) => {
    if (!/^[0-9a-f]{64}$/.test(hash)) {
      throw new RangeError(`The hash of shard ${shard} is not 64 lower-case hexadecimal digits.`);
    }
    for (let i = 0; i < 32; i++) digests[shard * 32 + i] = Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16);
  });
  return sha256Hex(digests);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
