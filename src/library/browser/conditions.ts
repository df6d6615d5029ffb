import type { Conditions } from './policy.js';

/** Not in TypeScript's library: not in all browsers. */
interface Battery extends EventTarget {
  readonly charging: boolean;
  readonly level: number;
}
type Navigator = globalThis.Navigator & {
  readonly getBattery?: () => Promise<Battery>;
  readonly connection?: EventTarget & { readonly saveData?: boolean };
};

/**
 * Tells the conditions now and whenever they change.
 * @returns a function that ends it
 */
export function watchConditions(tell: (conditions: Conditions) => void): () => void {
  const { connection, getBattery } = navigator as Navigator;
  const controller = new AbortController();
  const { signal } = controller;
  let battery: Battery | null = null;
  const look = (): void => {
    if (signal.aborted) return;
    tell({
      hidden: document.visibilityState === 'hidden',
      saveData: connection?.saveData ?? null,
      battery: battery === null ? null : { charging: battery.charging, level: battery.level },
    });
  };
  document.addEventListener('visibilitychange', look, { signal });
  connection?.addEventListener('change', look, { signal });
  look();
  const found = getBattery?.call(navigator) ?? Promise.reject(new Error('This browser does not tell.'));
  found.then(
    (manager) => {
      battery = manager;
      for (const event of ['chargingchange', 'levelchange'])
        manager.addEventListener(event, look, { signal });
      look();
    },
    () => {},
  );
  return () => controller.abort();
}
