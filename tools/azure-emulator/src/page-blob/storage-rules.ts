import type { IncomingMessage } from 'node:http';

/** A refusal in the shape of Azure Storage: a status, `x-ms-error-code`, and an XML body. */
export class StorageError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'StorageError';
  }
}

export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/** Put Page takes at most 4 MiB at a time (Azure Storage REST). */
export const LARGEST_PUT_BYTES = 4 * 1024 * 1024;
const PAGE_BYTES = 512;

/** From `x-ms-range`, which wins, or `Range`; null when there is none. @throws StorageError 400 */
export function parseRange(request: IncomingMessage): ByteRange | null {
  const header = request.headers['x-ms-range'] ?? request.headers.range;
  if (header === undefined) return null;
  const match = /^bytes=(\d{1,16})-(\d{1,16})?$/.exec(Array.isArray(header) ? (header[0] ?? '') : header);
  const start = Number(match?.[1]);
  const last = match?.[2] === undefined ? Number.MAX_SAFE_INTEGER - 1 : Number(match[2]);
  if (match === null || last < start) {
    throw new StorageError(
      400,
      'InvalidHeaderValue',
      'The value for one of the HTTP headers is not in the correct format.',
    );
  }
  return { start, length: last - start + 1 };
}

/** @throws StorageError for a range that Put Page doesn't take */
export function requirePages(range: ByteRange | null, sizeBytes: number, write: unknown): ByteRange {
  if (range === null) throw new StorageError(400, 'MissingRequiredHeader', 'Put Page needs a range.');
  if (write !== 'update' && write !== 'clear') {
    throw new StorageError(400, 'InvalidHeaderValue', "The header x-ms-page-write must be 'update' or 'clear'.");
  }
  if (range.start % PAGE_BYTES !== 0 || range.length % PAGE_BYTES !== 0) {
    throw new StorageError(416, 'InvalidPageRange', 'The page range specified is invalid: pages are 512 bytes long.');
  }
  if (range.start + range.length > sizeBytes) {
    throw new StorageError(
      416,
      'InvalidPageRange',
      'The page range specified is invalid: it goes past the end of the disk.',
    );
  }
  if (write === 'update' && range.length > LARGEST_PUT_BYTES) {
    throw new StorageError(
      413,
      'RequestBodyTooLarge',
      'The request body is too large and exceeds the maximum permissible limit of 4 MiB.',
    );
  }
  return range;
}
