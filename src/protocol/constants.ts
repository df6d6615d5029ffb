/** What clients need at run time, without the schemas: those are most of the bytes of a bundle. */

/** Version of everything on the wire; a client says it when it connects. */
export const PROTOCOL_VERSION = 1;

/** Largest update frame over the socket; larger ones go over HTTP. */
export const MAX_INLINE_UPDATE_BYTES = 256 * 1024;

/** Handovers from one key of the pool to the next that a chain has at most. */
export const MAX_SUCCESSORS = 32;
