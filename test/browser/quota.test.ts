import { expect } from '@jest/globals';
import type { BrowserLibrary } from '../../src/library/browser/index.js';
import { browserTest, useChromium } from '../helpers/chromium.js';
import { testPages } from './page.js';

const browsing = useChromium();

interface Room {
  readonly library: BrowserLibrary;
  add(count: number): Promise<string>;
  /** Data sets, with how many pieces the database has of them. */
  kept(): Promise<{ examples: number[]; pieces: number }>;
  /** Writes until not even a few bytes have room. */
  fill(): Promise<void>;
}
type RoomWindow = Window & { room: Room };

browserTest(
  'a data set that the browser has no room for is refused in words, and what was kept is still there',
  async () => {
    const site = await browsing.site({ extra: testPages({}) });
    const page = await (await browsing.device()).newPage();
    await page.goto(`${site}/test.html`);
    await page.evaluate(() => {
      const w = window as unknown as RoomWindow & {
        cloudNodeLibrary: { BrowserLibrary: typeof BrowserLibrary };
      };
      const worker = (): Worker => new Worker('/library/cloud-node-library.worker.js');
      const library = new w.cloudNodeLibrary.BrowserLibrary({ url: '/', apiKey: 'none', worker });
      const opened = async (): Promise<IDBDatabase> =>
        new Promise((resolve) => {
          const asked = indexedDB.open('cloud-node');
          asked.onsuccess = () => resolve(asked.result);
        });
      w.room = {
        library,
        add: (count) =>
          library
            .addData('data', {
              // Random bits: what can be compressed takes less room.
              inputs: Float32Array.from({ length: count * 1024 }, Math.random),
              inputShape: [1024],
              labels: new Float32Array(count),
              labelShape: [1],
            })
            .then(
              () => 'added',
              (error: Error) => `${error.name}: ${error.message}`,
            ),
        kept: async () => {
          const store = (await opened()).transaction('chunks').objectStore('chunks');
          const asked = store.count(IDBKeyRange.bound(['data'], ['data', []]));
          const pieces = await new Promise<number>((resolve) => {
            asked.onsuccess = () => resolve(asked.result);
          });
          return { examples: (await library.datasets()).map(({ numExamples }) => numExamples), pieces };
        },
        fill: async () => {
          const database = await opened();
          for (const bytes of [2 ** 16, 2 ** 12, 2 ** 8, 2 ** 4]) {
            for (let fits = true; fits;) {
              const transaction = database.transaction('chunks', 'readwrite');
              const key = ['filler', crypto.randomUUID()];
              transaction.objectStore('chunks').put(crypto.getRandomValues(new Uint8Array(bytes)), key);
              fits = await new Promise<boolean>((resolve) => {
                transaction.oncomplete = () => resolve(true);
                transaction.onabort = () => resolve(false);
              });
            }
          }
        },
      };
    });
    const add = (count: number): Promise<string> =>
      page.evaluate((many) => (window as unknown as RoomWindow).room.add(many), count);
    const kept = (): ReturnType<Room['kept']> =>
      page.evaluate(() => (window as unknown as RoomWindow).room.kept());
    const devtools = await page.context().newCDPSession(page);
    const giveRoom = (mib: number): Promise<unknown> =>
      devtools.send('Storage.overrideQuotaForOrigin', { origin: site, quotaSize: mib * 2 ** 20 });

    // Chromium looks at it again when what it knew does not suffice: only making it larger works at once.
    await giveRoom(12);
    expect(await add(256)).toBe('added');
    const before = { examples: [256], pieces: 2 };
    expect(await kept()).toEqual(before);
    // 16 MiB in pieces of 4: some fit, and are taken out again.
    expect(await add(4096)).toMatch(
      /^QuotaExceededError: The browser has no room for the 16\.0 MiB of the data set "data" beside the \d+\.\d MiB that it keeps for this site\. What was kept before is still there\./,
    );
    expect(await kept()).toEqual(before);
    // With no room at all the off switch still works.
    await page.evaluate(() => (window as unknown as RoomWindow).room.fill());
    expect(await add(1)).toMatch(/^QuotaExceededError/);
    await page.evaluate(() => (window as unknown as RoomWindow).room.library.stop());
    await giveRoom(64);
    expect(await add(4096)).toBe('added');
    expect(await kept()).toEqual({ examples: [4096], pieces: 5 });
  },
  60_000,
);
