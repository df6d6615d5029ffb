/**
 * A server that speaks S3, with a bucket of files: `node s3rver.mjs <folder> <bucket> <port>`. Says {"port":…} when it
 * listens. s3rver answers before its file is written, and trips over its own clearing of folders; here an object is
 * whole or absent, and there when the answer is, as S3 promises.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import S3rver from 's3rver';

const [directory, bucket, port] = process.argv.slice(2);
const server = new S3rver({
  address: '127.0.0.1',
  port: Number(port),
  silent: true,
  directory,
  configureBuckets: [{ name: bucket }],
});
const { store } = server;

store.putObject = async (object) => {
  const content = await collect(object.content);
  const file = store.getResourcePath(object.bucket, object.key, 'object');
  const md5 = createHash('md5').update(content).digest('hex');
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  mkdirSync(path.dirname(file), { recursive: true });
  await store.putMetadata(object.bucket, object.key, object.metadata, md5);
  writeFileSync(draft, content);
  renameSync(draft, file);
  return { size: content.length, md5 };
};

store.deleteObject = async (bucketName, key) => {
  for (const what of ['object', 'object.md5', 'metadata.json'])
    rmSync(store.getResourcePath(bucketName, key, what), { force: true });
};

async function collect(content) {
  const chunks = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const address = await server.run();
process.stdout.write(`${JSON.stringify({ port: address.port })}\n`);
