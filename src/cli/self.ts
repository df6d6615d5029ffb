/** How this command is called here, for hints that can be pasted: from a clone by npm, installed by its name. */
export function selfCommand(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env['npm_lifecycle_event'] === undefined ? 'cloud-node' : 'npm run cloud-node --';
}
