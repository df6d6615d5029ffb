import { CloudNodeError } from '../protocol/errors.js';
import type { AttemptRef } from './keys.js';

/** What a script's negative reply means, in the one place that says so. */
export const SCRIPT_CODES = {
  conflict: -1,
  notAssigned: -2,
  roundClosed: -3,
  assignmentOver: -4,
  alreadyReceived: -5,
  full: -6,
  noRepo: -7,
} as const;

export function scriptError(code: number, at: AttemptRef & { libraryId: string }): CloudNodeError {
  const where = `round ${at.round} (attempt ${at.attempt}) of session ${at.sessionId}`;
  switch (code) {
    case SCRIPT_CODES.notAssigned:
      return new CloudNodeError('not_assigned', `Library ${at.libraryId} has no assignment in ${where}.`);
    case SCRIPT_CODES.roundClosed:
      return new CloudNodeError(
        'round_closed',
        `There is no open ${where}: it is closed, was tried anew, or has not begun.`,
      );
    case SCRIPT_CODES.assignmentOver:
      return new CloudNodeError(
        'assignment_over',
        `The assignment of Library ${at.libraryId} in ${where} was declined, failed or expired.`,
      );
    case SCRIPT_CODES.alreadyReceived:
      return new CloudNodeError(
        'update_already_received',
        `Another update of Library ${at.libraryId} was counted in ${where}.`,
      );
    case SCRIPT_CODES.conflict:
      return new CloudNodeError(
        'conflict',
        `Session ${at.sessionId} was changed by somebody else at the same time.`,
      );
    default:
      return new CloudNodeError('internal', `A script answered ${code}.`);
  }
}
