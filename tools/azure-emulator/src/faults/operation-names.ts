/*
 * The names that an operation goes by. A request is called as Azure's specifications call it, `Disks_CreateOrUpdate`,
 * and, as kinds of long-running operations are, `disks.create`.
 */
export function requestNames(operation: string): readonly string[] {
  const [collection, verb] = operation.split('_');
  if (collection === undefined || verb === undefined) return [operation];
  const action = verb === 'CreateOrUpdate' ? 'create' : lowerFirst(verb);
  return [operation, `${lowerFirst(collection)}.${action}`];
}

/** What a disk's shared access signature allows; named as the storage client names them. */
export const PAGE_BLOB_OPERATIONS = [
  'PageBlob_UploadPages',
  'PageBlob_ClearPages',
  'PageBlob_Download',
  'PageBlob_GetProperties',
  'PageBlob_GetPageRanges',
] as const;

export type PageBlobOperation = (typeof PAGE_BLOB_OPERATIONS)[number];

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
