import type { Command } from 'commander';
import { durationMs } from '../arguments.js';
import { contextOf } from '../context.js';

interface FileOption {
  readonly keyFile?: string;
}

const KEY_FILE = [
  '--key-file <file>',
  'of the private key (default: pool-key.pem of the data folder)',
] as const;

/** Work on files only: no gateway is asked. */
export function addPoolKeyCommands(program: Command): void {
  const poolKey = program
    .command('pool-key')
    .description('make, show and replace the key that proves who the pool is')
    .helpCommand(false);

  poolKey
    .command('new')
    .description('make a key for POOL_KEY_FILE, and print its public part')
    .option(...KEY_FILE)
    .action(async ({ keyFile }: FileOption, command: Command) => {
      const { out, dataDir } = contextOf(command);
      const { createPoolKey, poolKeyFiles } = await import('../pool-key-files.js');
      const files = poolKeyFiles(dataDir, keyFile);
      const { publicKey } = createPoolKey(files);
      out.result({ publicKey, keyFile: files.keyFile }, () => [publicKey]);
      out.note(`The private key is in ${files.keyFile}. Give Libraries the line above as poolKey.`);
    });

  poolKey
    .command('show')
    .description('print the public key, which Libraries pin')
    .option('--key-file <file>', 'of the private key (default: POOL_KEY, or pool-key.pem of the data folder)')
    .action(async ({ keyFile }: FileOption, command: Command) => {
      const { out, dataDir } = contextOf(command);
      const { givenPoolKey, poolKeyFiles, readPoolKey } = await import('../pool-key-files.js');
      const given = keyFile === undefined ? givenPoolKey(process.env) : null;
      const { publicKey } = given ?? readPoolKey(poolKeyFiles(dataDir, keyFile));
      out.result({ publicKey }, () => [publicKey]);
    });

  poolKey
    .command('rotate')
    .description('put a new key in its place; the old one signs that it hands over')
    .option(...KEY_FILE)
    .option('--in <time>', 'when the new key begins to count, e.g. 7d (default: now)', durationMs)
    .action(async (options: FileOption & { in?: number }, command: Command) => {
      const { out, dataDir } = contextOf(command);
      const { poolKeyFiles, rotatePoolKey } = await import('../pool-key-files.js');
      const files = poolKeyFiles(dataDir, options.keyFile);
      const notBeforeMs = Date.now() + (options.in ?? 0);
      const { key, old, oldFile } = rotatePoolKey(files, notBeforeMs);
      const { publicKey } = key;
      out.result({ publicKey, oldPublicKey: old.publicKey, oldFile, notBeforeMs, ...files }, () => [
        publicKey,
      ]);
      out.note(
        `Give the gateways ${files.successorsFile} (POOL_SUCCESSORS_FILE) and start them again; then, not before ` +
          `${new Date(notBeforeMs).toISOString()}, ${files.keyFile} (POOL_KEY_FILE). The old key is in ${oldFile}.`,
      );
    });
}
