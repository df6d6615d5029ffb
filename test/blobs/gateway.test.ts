import { afterEach, describe, expect, test } from '@jest/globals';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { modelFrame } from '../helpers/open-round.js';
import { startS3, type TestS3 } from '../helpers/s3.js';

let pool: TestGateway;
let s3: TestS3;
afterEach(() => pool.close());

describe('a gateway whose object store is away', () => {
  test('refuses uploads and downloads for the moment, and loses nothing', async () => {
    s3 = await startS3();
    pool = await startGateway({ env: s3.env() });
    const { repoId } = await pool.repo();
    const models = `/v1/repos/${repoId}/models`;
    const upload = (): ReturnType<TestGateway['json']> =>
      pool.json(models, { method: 'POST', body: modelFrame() });
    const { modelId } = (await upload()).body;
    const stored = s3.keys();
    expect(stored).toHaveLength(4);

    await s3.process.kill9();
    const refused = await upload();
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'blob_store_unavailable' } } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const download = await pool.call(`${models}/${modelId}/weights`);
    expect(download.status).toBe(503);
    const deletion = await pool.json(`/v1/repos/${repoId}`, { method: 'DELETE' });
    expect(deletion.body.error.code).toBe('blob_store_unavailable');

    await s3.restart();
    expect(s3.keys()).toEqual(stored);
    expect((await pool.json(`/v1/repos/${repoId}`, { method: 'DELETE' })).body).toMatchObject({
      deleted: true,
    });
    expect(s3.keys()).toEqual([]);
  });
});
