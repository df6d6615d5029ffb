/** What the SDK gives as a body; in Node also a stream. */
interface Body {
  transformToByteArray(): Promise<Uint8Array>;
}

/** The whole body in memory of its own that is as long as it is. @throws when it breaks off, or is longer than announced */
export async function readBody(
  body: Body | undefined,
  contentLength: number | undefined,
): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array();
  if (contentLength === undefined) return body.transformToByteArray();
  // Not from a pool: a small piece of one would hold all of it.
  const bytes = Buffer.allocUnsafeSlow(contentLength);
  let length = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    if (length + chunk.length > contentLength) throw new Error('longer than announced');
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (length < contentLength) throw new Error('broke off');
  return bytes;
}
