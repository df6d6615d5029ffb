import type { RepoStore } from '../../redis/repo-store.js';
import type { Logger } from '../../telemetry/logger.js';
import { inBackground } from '../service/in-background.js';

/** How coarse "last used" is, per gateway: what is written costs nothing beside what is asked. */
const COARSE_MS = 60_000;
const MAX_KEYS = 10_000;

/** Remembers when API keys were used last. */
export class KeyUse {
  readonly #repos: RepoStore;
  readonly #log: Logger;
  readonly #noted = new Map<string, number>();

  constructor(repos: RepoStore, log: Logger) {
    this.#repos = repos;
    this.#log = log;
  }

  note(repoId: string, keyId: string): void {
    const name = `${repoId}/${keyId}`;
    const nowMs = performance.now();
    if (nowMs - (this.#noted.get(name) ?? -Infinity) < COARSE_MS) return;
    if (this.#noted.size >= MAX_KEYS) this.#noted.clear();
    this.#noted.set(name, nowMs);
    inBackground({ log: this.#log }, 'key use', this.#repos.noteKeyUse(repoId, keyId));
  }
}
