import { expect, test } from '@jest/globals';
import { startPool } from '../helpers/pool.js';

test('a gateway as it is shipped serves the page of its API from its own files', async () => {
  const pool = await startPool({ roles: { gateway: 1, coordinator: 0, aggregator: 0 } });
  const page = await (await pool.fetch('/docs')).text();
  const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, file = '']) => file);
  expect(files).toEqual(['/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/start.js']);
  for (const file of files) {
    const answer = await pool.fetch(file);
    expect([file, answer.status]).toEqual([file, 200]);
    expect(answer.headers.get('content-type')).toMatch(
      file.endsWith('.css') ? /^text\/css/ : /^text\/javascript/,
    );
    expect(await answer.text()).not.toMatch(/sourceMappingURL=http/);
  }
  for (const file of ['/docs/LICENSE', '/docs/../package.json', '/docs/%2e%2e/server.js'])
    expect((await pool.fetch(file)).status).toBe(file === '/docs/LICENSE' ? 200 : 404);
});
