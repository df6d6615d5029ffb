/** Ends the servers of `global-setup.ts`. */
import { rmSync } from 'node:fs';

export default async function globalTeardown(): Promise<void> {
  const { suiteServers } = globalThis;
  if (!suiteServers) return;
  const ended = suiteServers.children.map(
    (child) =>
      new Promise<void>((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        // The cluster's own process ends its servers; none of them keeps anything.
        child.kill('SIGTERM');
      }),
  );
  await Promise.all(ended);
  rmSync(suiteServers.folder, { recursive: true, force: true });
}
