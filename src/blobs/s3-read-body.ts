import type { SpareMemory } from '../tensors/spare-memory.js';

/** What the SDK gives as a body; in Node also a stream. */
interface Body {
  transformToByteArray(): Promise<Uint8Array>;
}

/** The whole body in memory that is as long as it is: taken from `memory` where its length was announced. @throws when it breaks off, or is longer than announced */
export async function readBody(
  body: Body | undefined,
  contentLength: number | undefined,
  memory: SpareMemory,
): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array();
  if (contentLength === undefined) return body.transformToByteArray();
  const bytes = memory.take(contentLength);
  try {
    await readAll(body as unknown as AsyncIterable<Uint8Array>, bytes);
    return bytes;
  } catch (error) {
    memory.giveBack(bytes);
    throw error;
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array>, into: Uint8Array): Promise<void> {
  let length = 0;
  for await (const chunk of chunks) {
    if (length + chunk.length > into.length) throw new Error('longer than announced');
    into.set(chunk, length);
    length += chunk.length;
  }
  if (length < into.length) throw new Error('broke off');
}
