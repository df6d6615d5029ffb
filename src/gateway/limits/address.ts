import type { IncomingMessage } from 'node:http';

/** A request, or the one that a socket began with. */
export type Sent = Pick<IncomingMessage, 'headers' | 'socket'>;

/**
 * Who sent a request: the other end of the connection, or what the last of `proxies` proxies saw there. What stands
 * further left in `X-Forwarded-For` was written by the client itself. An IPv4 address is the same over an IPv6 socket.
 */
export function senderOf(req: Sent, proxies: number): string {
  const peer = req.socket.remoteAddress ?? '';
  const forwarded = String(req.headers['x-forwarded-for'] ?? '').split(',');
  const seen = forwarded.map((address) => address.trim()).filter((address) => address !== '');
  const at = Math.max(0, seen.length - proxies);
  const sender = proxies === 0 ? peer : (seen[at] ?? peer);
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(sender)?.[1] ?? sender;
}

/** What the sender of a request is counted by. */
export function clientAddress(req: Sent, proxies: number): string {
  return blockOf(senderOf(req, proxies));
}

/** An IPv6 customer has 2^64 addresses: they count as one. */
export function blockOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [left = '', right] = address.split('%')[0]?.split('::') ?? [];
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...Array<string>(zeros).fill('0'), ...tail];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/64`;
}
