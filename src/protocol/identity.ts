/**
 * What the pool signs is text, sent as it was signed: whoever checks it needs no canonical form, and reads only what was
 * signed. docs/protocol.md describes it for other languages. Clients run this, so the schemas are in proof.ts.
 */
export interface Signed {
  /** JSON text; exactly these characters are signed. */
  readonly statement: string;
  /** Ed25519, 64 bytes as base64url. */
  readonly signature: string;
  /** Of the key that signed, 32 bytes as base64url. */
  readonly publicKey: string;
}

/** A signature under one kind is never good for another. */
export type StatementKind = 'proof' | 'successor' | 'status' | 'manifest';

/** The bytes that are signed: the kind, a line feed, the statement. */
export function signedBytes(kind: StatementKind, statement: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`cloud-node ${kind} v1\n${statement}`);
}

/** Statement of kind `proof`. */
export interface ProofStatement {
  readonly repoId: string;
  readonly nonce: string;
  /** That the pool speaks. */
  readonly protocolVersion: number;
}

/** Statement of kind `successor`: the key that signs it hands over to another. */
export interface SuccessorStatement {
  readonly publicKey: string;
  /** Good from then on, ms since 1970, by the clock of whoever checks it. */
  readonly notBeforeMs: number;
}

/** Answer to `POST /v1/proof`. */
export interface Proof extends Signed {
  /** Kind `successor`, from the oldest key to the newest. */
  readonly successors: readonly Signed[];
}
