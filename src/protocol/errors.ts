/**
 * Every error that a client can meet: one table, the only place where code, HTTP status and advice live.
 * `docs/errors.md` lists the same rows, and a test compares the two.
 */
export const ERRORS = {
  invalid_request: { status: 400, retryable: false, advice: 'Correct the named field and send it again.' },
  invalid_frame: {
    status: 400,
    retryable: false,
    advice: 'Send a frame as docs/protocol.md describes: magic, header length, JSON header, payload.',
  },
  unsupported_protocol: {
    status: 400,
    retryable: false,
    advice: 'Use an SDK of the protocol version that the message names.',
  },
  unauthenticated: {
    status: 401,
    retryable: false,
    advice: 'Send a valid API key or token: `cloud-node key create`, `cloud-node token`.',
  },
  client_certificate_required: {
    status: 401,
    retryable: false,
    advice: 'Connect with a client certificate that an authority of TLS_CLIENT_CA has signed.',
  },
  forbidden: {
    status: 403,
    retryable: false,
    advice: 'Use credentials with the role and Repo that the message names.',
  },
  not_assigned: {
    status: 403,
    retryable: false,
    advice: 'Ask for the current assignment and train only what was assigned.',
  },
  route_not_found: {
    status: 404,
    retryable: false,
    advice: 'See docs/protocol.md for the routes and events.',
  },
  repo_not_found: { status: 404, retryable: false, advice: 'Check the Repo id: `cloud-node repo list`.' },
  key_not_found: { status: 404, retryable: false, advice: 'Check the key id: `cloud-node key list`.' },
  session_not_found: {
    status: 404,
    retryable: false,
    advice: 'Check the session id: `cloud-node sessions`.',
  },
  model_not_found: {
    status: 404,
    retryable: false,
    advice: 'Upload the model first, or check its id: `cloud-node models`.',
  },
  version_not_found: {
    status: 404,
    retryable: false,
    advice: 'Ask for a version that is kept: the checkpoints, the best and the latest.',
  },
  test_set_not_found: {
    status: 404,
    retryable: false,
    advice: 'Upload the test set first: `cloud-node test-set`.',
  },
  evaluation_not_found: {
    status: 404,
    retryable: false,
    advice: 'Ask for it again: only the newest of a Repo are kept.',
  },
  repo_exists: { status: 409, retryable: false, advice: 'Choose another Repo id.' },
  round_closed: {
    status: 409,
    retryable: false,
    advice: 'Drop the update and ask for the current assignment.',
  },
  assignment_over: {
    status: 409,
    retryable: false,
    advice: 'Drop the update and ask for the current assignment.',
  },
  update_already_received: {
    status: 409,
    retryable: false,
    advice: 'Nothing to do: the first update of this Library is the one that counts.',
  },
  session_ended: { status: 409, retryable: false, advice: 'Submit a new job.' },
  conflict: { status: 409, retryable: true, advice: 'Read the record again and repeat the request.' },
  upload_interrupted: {
    status: 408,
    retryable: true,
    advice: 'Send it again; nothing of it was kept.',
  },
  encoding_unavailable: {
    status: 406,
    retryable: false,
    advice: 'Download it as f32: it has parameters that the encoding has no numbers for.',
  },
  range_not_satisfiable: {
    status: 416,
    retryable: false,
    advice: 'Ask for bytes within the length that Content-Range names, or for all.',
  },
  payload_too_large: {
    status: 413,
    retryable: false,
    advice: 'Stay under the limit that the message names.',
  },
  headers_too_large: {
    status: 431,
    retryable: false,
    advice: 'Send fewer or shorter headers: the message names the limit.',
  },
  quota_exceeded: {
    status: 403,
    retryable: false,
    advice: "Need less of what the message names, or ask the pool's admin for a larger limit of the Repo.",
  },
  invalid_job: { status: 422, retryable: false, advice: 'Correct the named field of the job.' },
  invalid_model: {
    status: 422,
    retryable: false,
    advice:
      'Upload a whole Keras file, or the topology and exactly its weights, in the order of model.getWeights().',
  },
  model_unsupported: {
    status: 422,
    retryable: false,
    advice: 'Change the named layer as the message says; docs/keras.md lists what can be read and written.',
  },
  invalid_test_set: {
    status: 422,
    retryable: false,
    advice: 'Send inputs and labels that fit the shapes in the header.',
  },
  update_wrong_length: {
    status: 422,
    retryable: false,
    advice:
      'Send every parameter of the model in the encoding of the assignment, in the order of its tensors.',
  },
  update_encoding_mismatch: {
    status: 422,
    retryable: false,
    advice: "Encode the update as the assignment's encoding says, and name that encoding in the header.",
  },
  update_encoding_invalid: {
    status: 422,
    retryable: false,
    advice: 'Write the shards as docs/protocol.md says: scales without spare bits, values from -127 to 127.',
  },
  update_not_finite: {
    status: 422,
    retryable: false,
    advice: 'Do not send NaN or infinity: lower the learning rate, or look at the data.',
  },
  update_magnitude_exceeded: {
    status: 422,
    retryable: false,
    advice: 'Clip the update, or submit the job with a larger update.maxMagnitude.',
  },
  update_norm_exceeded: {
    status: 422,
    retryable: false,
    advice: 'Clip the update to privacy.clipNorm before sending it.',
  },
  update_examples_exceeded: {
    status: 422,
    retryable: false,
    advice: 'Report no more examples than were announced when joining.',
  },
  rate_limited: { status: 429, retryable: true, advice: 'Wait as long as Retry-After says.' },
  internal: {
    status: 500,
    retryable: true,
    advice: 'Try again; the log of the process has the cause under the request id.',
  },
  gateway_busy: {
    status: 503,
    retryable: true,
    advice: 'Wait as long as Retry-After says; nothing was accepted.',
  },
  draining: { status: 503, retryable: true, advice: 'Connect again: another gateway answers.' },
  redis_unavailable: {
    status: 503,
    retryable: true,
    advice: 'Wait as long as Retry-After says; nothing was accepted.',
  },
  jwks_unavailable: {
    status: 503,
    retryable: true,
    advice: 'Wait as long as Retry-After says; no token can be checked before.',
  },
  blob_store_unavailable: {
    status: 503,
    retryable: true,
    advice: 'Wait as long as Retry-After says; nothing was accepted.',
  },
  storage_full: {
    status: 503,
    retryable: true,
    advice: 'Wait as long as Retry-After says; nothing was accepted.',
  },
  // Found by a client that pins the pool's key; a pool never sends them.
  pool_unproven: {
    status: 502,
    retryable: false,
    advice: 'Give the pool a key (POOL_KEY), or look for what removes its proof on the way.',
  },
  pool_impostor: {
    status: 502,
    retryable: false,
    advice: 'Check the URL, and poolKey against `cloud-node pool-key show`; send nothing to this address.',
  },
  pool_replayed: {
    status: 502,
    retryable: false,
    advice: 'Use TLS: something between here and the pool repeats old answers.',
  },
  pool_altered: {
    status: 502,
    retryable: false,
    advice: 'Use TLS: something between here and the pool changes its answers.',
  },
  pool_downgraded: {
    status: 502,
    retryable: false,
    advice: 'Bring the gateways to the protocol version that the message names.',
  },
} as const satisfies Record<string, { status: number; retryable: boolean; advice: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** What a client found that pins the pool's key: this gateway is not the pool, or somebody is in between. */
export function isIdentityError(error: unknown): error is CloudNodeError {
  return error instanceof CloudNodeError && error.code.startsWith('pool_');
}

/** What an error looks like on the wire, over HTTP and in socket acknowledgements. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly advice: string;
  /** Wait this long before trying again. */
  readonly retryAfterMs?: number;
}

/** An error with a code of the table. `cause` is for logs and never sent. */
export class CloudNodeError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CloudNodeError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs ?? (ERRORS[code].status === 503 ? 1_000 : undefined);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  toWire(): WireError {
    const { retryable, advice } = ERRORS[this.code];
    const wire = { code: this.code, message: this.message, retryable, advice };
    return this.retryAfterMs === undefined ? wire : { ...wire, retryAfterMs: this.retryAfterMs };
  }

  /** Anything caught, as an error of the table; what is not known becomes `internal`, with its cause kept for the log. */
  static from(reason: unknown): CloudNodeError {
    if (reason instanceof CloudNodeError) return reason;
    return new CloudNodeError('internal', 'Something went wrong inside the pool.', { cause: reason });
  }

  static fromWire(wire: {
    code: string;
    message: string;
    retryAfterMs?: number | undefined;
  }): CloudNodeError {
    const code = wire.code in ERRORS ? (wire.code as ErrorCode) : 'internal';
    return new CloudNodeError(
      code,
      wire.message,
      wire.retryAfterMs === undefined ? {} : { retryAfterMs: wire.retryAfterMs },
    );
  }
}
