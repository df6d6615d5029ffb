import { CommanderError } from 'commander';
import { EXIT, exitCodeOf, viewError } from './errors.js';
import { createProgram } from './program.js';
import { styleFor } from './style.js';

// `cloud-node sessions | head`: the reader has had enough, which is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

/** Message and advice for people on stderr, the same as JSON on stdout when that was asked for. */
function report(error: unknown): number {
  const exitCode = exitCodeOf(error);
  // Help and version end like this too, and have said what they had to say.
  if (error instanceof CommanderError && (exitCode === EXIT.ok || error.code === 'commander.help'))
    return exitCode;
  const view = viewError(error);
  const style = styleFor(process.stderr, process.env);
  process.stderr.write(`${style.red('✗')} ${view.message}\n`);
  if (view.advice !== null) process.stderr.write(`  ${view.advice}\n`);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: view })}\n`);
  return exitCode;
}
