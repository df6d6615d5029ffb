import { Agent, request, type IncomingMessage } from 'node:http';

/** As many connections as Libraries, kept open. */
export const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

/** Receives a body and forgets it. @returns its length in bytes */
export async function download(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { agent, headers }, resolve).once('error', reject).end();
  });
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  if (response.statusCode !== 200) throw new Error(`GET ${url}: ${response.statusCode}`);
  return bytes;
}

/** Sends a frame from its two parts, without copying them together. @throws Error with what was answered */
export async function upload(
  url: string,
  frame: { readonly head: Uint8Array; readonly payload: Uint8Array },
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const length = { 'content-length': String(frame.head.length + frame.payload.length) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const req = request(url, { agent, method: 'PUT', headers: { ...headers, ...length } }, resolve);
    req.once('error', reject);
    req.write(frame.head);
    req.end(frame.payload);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  if (response.statusCode !== 200)
    throw new Error(`PUT ${url}: ${response.statusCode} ${Buffer.concat(chunks).toString()}`);
}
