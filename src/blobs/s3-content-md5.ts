import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';

/**
 * A deletion of many objects must have a checksum. The SDK sends one of a newer kind, which stores other than Amazon's
 * often refuse; Content-MD5 is known to all of them.
 */
export function useContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        const { headers, body } = args.request as {
          headers: Record<string, string>;
          body: string | Uint8Array;
        };
        if (commandName === 'DeleteObjectsCommand') {
          for (const name of Object.keys(headers))
            if (/^x-amz-(checksum-|sdk-checksum-)/i.test(name)) delete headers[name];
          headers['content-md5'] = createHash('md5').update(body).digest('base64');
        }
        return next(args);
      },
    { step: 'build', priority: 'low', name: 'contentMd5' },
  );
}
