import { CloudNodeError } from '../../protocol/errors.js';
import { toFailure } from '../service/failure.js';

/** Kinds of errors, as the clients of 2020 know them. */
export type LegacyErrorType =
  | 'DESERIALIZATION'
  | 'AUTHENTICATION'
  | 'REGISTRATION'
  | 'INCORRECT_CLIENT_TYPE'
  | 'NOT_REGISTERED'
  | 'NEW_SESSION'
  | 'SERVER_BUSY'
  | 'MODEL_ERROR'
  | 'NO_NODES_LEFT'
  | 'NEW_UPDATE'
  | 'UNKNOWN_MESSAGE_TYPE'
  | 'OTHER';

/** What is said to a client of the predecessor. */
export class LegacyError extends Error {
  readonly type: LegacyErrorType;

  constructor(type: LegacyErrorType, message: string) {
    super(message);
    this.type = type;
  }

  /** 2019 reads `message`, 2020 `error_message`. There is no `action`: a client of 2019 would begin to work on it. */
  toWire(): object {
    return { type: this.type, error: true, error_message: this.message, message: this.message };
  }
}

/** Errors of the pool in the words of the predecessor. What is internal stays so, as everywhere. */
export function toLegacyError(reason: unknown, type: LegacyErrorType): LegacyError {
  if (reason instanceof LegacyError) return reason;
  const { code, message } = toFailure(reason);
  switch (code) {
    case 'round_closed':
    case 'assignment_over':
    case 'not_assigned':
    case 'session_ended':
    case 'session_not_found':
      return new LegacyError('NEW_UPDATE', "The round in the message doesn't match the current round.");
    case 'unauthenticated':
    case 'forbidden':
      return new LegacyError('AUTHENTICATION', 'API key provided is invalid!');
    default:
      return new LegacyError(type, message);
  }
}

export function isRetryable(error: unknown): error is CloudNodeError {
  return error instanceof CloudNodeError && error.retryable;
}
