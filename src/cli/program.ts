import { Command, Option } from 'commander';
import { addAuditCommands } from './commands/audit.js';
import { addDemoCommand } from './commands/demo.js';
import { addEvaluateCommand } from './commands/evaluate.js';
import { addKeyCommands } from './commands/key.js';
import { addLibraryCommand } from './commands/library.js';
import { addModelCommands } from './commands/models.js';
import { addPoolKeyCommands } from './commands/pool-key.js';
import { addRepoCommands } from './commands/repo.js';
import { addRoleCommands } from './commands/role.js';
import { addSessionCommands } from './commands/sessions.js';
import { addStatusCommand } from './commands/status.js';
import { addSubmitCommand } from './commands/submit.js';
import { addTestSetCommand } from './commands/test-set.js';
import { addTokenCommand } from './commands/token.js';
import { addUpCommand } from './commands/up.js';
import { addWatchCommand } from './commands/watch.js';
import { DEFAULT_DATA_DIR } from './context.js';
import { EXIT_HELP } from './errors.js';
import { PACKAGE_VERSION } from '../telemetry/version.js';

/** The whole command line; parsing it runs the command. It throws instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('cloud-node')
    .description('A Redis-backed pool of cloud nodes for federated learning.')
    .version(PACKAGE_VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    // Errors are reported in one place, in the form that --json asks for.
    .configureOutput({ outputError: () => undefined })
    .addOption(
      new Option('--url <url>', 'gateway, or several with commas (default: profile of the data folder)').env(
        'CLOUD_NODE_URL',
      ),
    )
    .addOption(
      new Option('--token <token>', 'who you are (default: signed here with AUTH_SECRET or the profile)').env(
        'CLOUD_NODE_TOKEN',
      ),
    )
    .addOption(
      new Option('--data-dir <dir>', 'data folder of a pool on this machine')
        .env('CLOUD_NODE_DATA_DIR')
        .default(DEFAULT_DATA_DIR),
    )
    .option('--json', 'one JSON document on stdout instead of text')
    .addHelpText('after', `\n${EXIT_HELP}`);

  program.commandsGroup('On this machine:');
  addDemoCommand(program);
  addUpCommand(program);
  addLibraryCommand(program);
  program.commandsGroup('Look:');
  addStatusCommand(program);
  addWatchCommand(program);
  program.commandsGroup('Repos and keys:');
  addRepoCommands(program);
  addKeyCommands(program);
  addTokenCommand(program);
  addPoolKeyCommands(program);
  addAuditCommands(program);
  program.commandsGroup('Jobs and models:');
  addSubmitCommand(program);
  addSessionCommands(program);
  addModelCommands(program);
  addTestSetCommand(program);
  addEvaluateCommand(program);
  program.commandsGroup('One process of a pool (settings come from the environment, see docs/config.md):');
  addRoleCommands(program);
  return program;
}
