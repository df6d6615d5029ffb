import type { IncomingMessage } from 'node:http';
import type { Socket } from 'socket.io';
import type { AuditActor } from '../../protocol/audit.js';
import type { Claims } from '../../protocol/http.js';

/** Who asks, and from where. */
export interface By {
  readonly actor: AuditActor;
  readonly address: string | null;
}

export const NOBODY: AuditActor = { kind: 'nobody', id: '', role: null };

/** Whose credentials a request has shown, once they were found good. */
const actors = new WeakMap<object, AuditActor>();

export function rememberActor(request: object, actor: AuditActor): void {
  actors.set(request, actor);
}

export function tokenActor({ sub, role }: Claims): AuditActor {
  return { kind: 'token', id: sub, role };
}

export function keyActor({ keyId }: { readonly keyId: string }): AuditActor {
  return { kind: 'key', id: keyId, role: null };
}

export function byRequest(request: IncomingMessage): By {
  return { actor: actors.get(request) ?? NOBODY, address: plain(request.socket.remoteAddress) };
}

export function bySocket(socket: Socket, actor: AuditActor): By {
  return { actor, address: plain(socket.handshake.address) };
}

/** An IPv4 address is the same whether it came over an IPv6 socket or not. */
function plain(address: string | undefined): string | null {
  return address === undefined || address === '' ? null : address.replace(/^::ffff:/i, '').slice(0, 64);
}
