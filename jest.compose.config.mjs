/** For `npm run test:compose`: the pool is in containers, so the suite's own servers are not started. */
import suite from './jest.config.mjs';

export default {
  ...suite,
  globalSetup: undefined,
  globalTeardown: undefined,
  testMatch: ['**/*.compose.ts'],
  testTimeout: 240_000,
  // Builds of one tag get in each other's way.
  maxWorkers: 1,
};
