import { CommanderError } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { NoAnswerError } from '../protocol/client/no-answer.js';
import { CloudNodeError } from '../protocol/errors.js';
import { RedisMissingError } from './redis-binary.js';

/** What the exit code says; the numbers above 63 are those of sysexits.h. `EXIT_HELP` explains them to people. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 64,
  refused: 65,
  unavailable: 69,
  auth: 77,
  config: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_HELP = `Exit codes:
  0   done
  1   what was asked for failed (a session ended as failed or cancelled)
  64  wrong usage of this command
  65  the pool refused the input (4xx)
  69  the pool, a gateway, Redis or MLflow cannot be reached, or failed inside (5xx)
  77  credentials missing, wrong or not sufficient (401, 403)
  78  wrong configuration`;

/** An error of the command itself, with its exit code and what to do about it. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly advice: string | undefined;

  constructor(exitCode: ExitCode, message: string, options: { advice?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.advice = options.advice;
  }
}

/** Wrong arguments. */
export function usageError(message: string, advice?: string): CliError {
  return new CliError(EXIT.usage, message, advice === undefined ? {} : { advice });
}

/** The exit code that says what kind of error this is. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ConfigError) return EXIT.config;
  if (error instanceof RedisMissingError || error instanceof NoAnswerError) return EXIT.unavailable;
  if (error instanceof CloudNodeError) {
    if (error.status === 401 || error.status === 403) return EXIT.auth;
    return error.status >= 500 ? EXIT.unavailable : EXIT.refused;
  }
  return EXIT.failed;
}

/** The same error as data: the one JSON document on stdout with `--json`. */
export interface ErrorView {
  readonly code: string;
  readonly message: string;
  readonly advice: string | null;
  readonly exitCode: ExitCode;
}

const CODE_NAMES: Readonly<Record<ExitCode, string>> = {
  0: 'ok',
  1: 'failed',
  64: 'usage',
  65: 'refused',
  69: 'unavailable',
  77: 'auth',
  78: 'config',
};

export function viewError(error: unknown): ErrorView {
  const exitCode = exitCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CloudNodeError) {
    const { code, advice } = error.toWire();
    return { code, message, advice, exitCode };
  }
  const advice = adviceOf(error);
  return { code: CODE_NAMES[exitCode], message: message.replace(/^error: /, ''), advice, exitCode };
}

function adviceOf(error: unknown): string | null {
  if (error instanceof CliError) return error.advice ?? null;
  if (error instanceof NoAnswerError) return 'Is the pool running (`cloud-node up`)? Is --url right?';
  if (error instanceof CommanderError) return 'See: cloud-node --help';
  return null;
}
