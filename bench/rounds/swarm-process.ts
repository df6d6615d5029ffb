import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Command, Message } from './swarm.js';

type Kind = Message['kind'];
type Of<K extends Kind> = Extract<Message, { kind: K }>;

/** The client process of a measurement, as the measuring process sees it. */
export interface Swarm {
  send(command: Command): void;
  /** @returns a function that stops listening */
  on<K extends Kind>(kind: K, heard: (message: Of<K>) => void): () => void;
  /** The next message of a kind. @throws Error when the process ends before it, or says that something failed */
  next<K extends Kind>(kind: K): Promise<Of<K>>;
  end(): Promise<void>;
}

export function startSwarm(): Swarm {
  const file = fileURLToPath(new URL('./swarm.js', import.meta.url));
  const child: ChildProcess = fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const on: Swarm['on'] = (kind, heard) => {
    const listener = (messages: readonly Message[]): void => {
      for (const message of messages) if (message.kind === kind) heard(message as Of<typeof kind>);
    };
    child.on('message', listener);
    return () => void child.off('message', listener);
  };
  return {
    send: (command) => void child.send(command),
    on,
    next: (kind) =>
      new Promise((resolve, reject) => {
        const ended = (): void => reject(new Error('The process of the Libraries ended.'));
        const stop = [
          on(kind, (message) => {
            stop.forEach((end) => end());
            resolve(message);
          }),
          on('error', ({ message }) => reject(new Error(message))),
          () => void child.off('exit', ended),
        ];
        child.once('exit', ended);
      }),
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      if (child.connected) child.send({ kind: 'end' } satisfies Command);
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await gone;
      clearTimeout(timer);
    },
  };
}
