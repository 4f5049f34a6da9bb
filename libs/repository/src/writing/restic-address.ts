/**
 * Where a repository lies, in restic's words. Of blob storage, `azure://ACCOUNT/CONTAINER/PREFIX`, it takes the account and its key
 * from AZURE_ACCOUNT_NAME and AZURE_ACCOUNT_KEY.
 */
export function resticAddress(url: string): string {
  const blob = /^azure:\/\/[^/]+\/([^/]+)\/?(.*)$/.exec(url);
  if (blob !== null) return `azure:${blob[1]}:/${blob[2]}`;
  return url.replace(/^file:\/\//, '');
}
