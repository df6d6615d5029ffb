import { afterAll, beforeAll } from '@jest/globals';
import { composeProject, type ComposeProject, type Scale } from './project.js';

const BUILD_MS = 900_000;

/** One pool for the tests of a file; what its containers said is printed when it does not come up. */
export async function useComposePool(scale: Scale): Promise<ComposeProject> {
  const pool = await composeProject();
  let broken = false;
  beforeAll(async () => {
    try {
      await pool.up(scale);
    } catch (error) {
      broken = true;
      throw error;
    }
  }, BUILD_MS);
  afterAll(async () => {
    if (broken) console.error(await pool.logs().catch(String));
    await pool.down();
  }, BUILD_MS);
  return pool;
}
