import { CliError, EXIT } from '../errors.js';

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'Name a place that you may write to.',
  EPERM: 'Name a place that you may write to.',
  EROFS: 'Name a place that you may write to.',
  EEXIST: 'There is a file where a folder is needed. Name another place.',
  ENOTDIR: 'There is a file where a folder is needed. Name another place.',
  EISDIR: 'There is a folder of that name. Name a file.',
  ENOENT: 'Its folder does not exist. Make it first, or name another place.',
  ENOSPC: 'The disk is full.',
};

/** Metrics cannot be written to a file or folder. */
export function notWritable(target: string, error: unknown): CliError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const advice = ADVICE[code];
  return new CliError(EXIT.failed, `Metrics can not be written to ${target}: ${code || message}`, {
    cause: error,
    ...(advice === undefined ? {} : { advice }),
  });
}
