import type { ServerResponse } from 'node:http';

/** Says that an answer is over where Node does not: of those whose turn has not come, and of those it did not make. */
export function closeAnswer(res: ServerResponse): void {
  if (res.closed) return;
  res.destroy();
  res.emit('close');
}
