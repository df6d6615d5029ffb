import type { Socket } from 'socket.io';
import type { AuditActor } from '../../protocol/audit.js';
import type { Claims } from '../../protocol/http.js';
import { senderOf, type Sent } from '../limits/address.js';

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

type Proxies = { readonly config: { readonly TRUST_PROXY: number } };

export function byRequest({ config }: Proxies, request: Sent): By {
  return { actor: actors.get(request) ?? NOBODY, address: addressOf(request, config.TRUST_PROXY) };
}

export function bySocket({ config }: Proxies, socket: Socket, actor: AuditActor): By {
  return { actor, address: addressOf(socket.request, config.TRUST_PROXY) };
}

function addressOf(request: Sent, proxies: number): string | null {
  const address = senderOf(request, proxies).slice(0, 64);
  return address === '' ? null : address;
}
