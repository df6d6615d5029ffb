/**
 * The Repo that an API key belongs to: `cnk_<repoId>.<keyId>.<secret>`, where the last two dots separate.
 * @throws TypeError, which does not repeat the key
 */
export function repoOfKey(apiKey: string): string {
  const repoId = /^cnk_(.+)\.[^.]+\.[^.]+$/.exec(apiKey)?.[1];
  if (repoId === undefined)
    throw new TypeError('The API key does not say its Repo: cnk_<repoId>.<keyId>.<secret>.');
  return repoId;
}
