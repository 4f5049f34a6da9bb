import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Azure } from '../azure.js';
import { DISK, SNAPSHOT, type DiskRecord, type GrantRecord, type SnapshotRecord } from '../state/records.js';
import { ConnectionCut } from '../faults/request-faults.js';
import type { PageBlobOperation } from '../faults/operation-names.js';
import { VHD_FOOTER_BYTES } from '../compute/disk-rules.js';
import { diskLimit } from './bandwidth.js';
import { withStorageFaults, type Reply } from './page-blob-faults.js';
import { withBody } from './page-buffers.js';
import { pageRanges } from './page-ranges.js';
import { parseRange, requirePages, StorageError, type ByteRange } from './storage-rules.js';

/*
 * A disk's shared access signature leads here: the part of the page-blob protocol that a disk offers (Azure Storage
 * REST): Get Blob Properties, ranged Get Blob, Get Page Ranges, Put Page with update or clear.
 *
 * A page write is taken in whole before its first byte is written, so that a connection that breaks leaves the disk as
 * it was.
 */
const READ_PIECE_BYTES = 1024 * 1024;
const SERVICE_VERSION = '2024-11-04';
const ZEROS = Buffer.alloc(READ_PIECE_BYTES);

interface Target {
  readonly grant: GrantRecord;
  readonly path: string;
  readonly sizeBytes: number;
  readonly lastModified: string;
}

export async function servePageBlob(request: IncomingMessage, response: ServerResponse, azure: Azure): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const target = authorize(url, request.method ?? 'GET', azure);
    const operation = operationOf(request, url);
    await withStorageFaults(operation, target.grant.resourceId, azure, response, () =>
      carryOut(operation, request, response, url, target, azure),
    );
  } catch (error) {
    if (error instanceof ConnectionCut) request.socket.destroy();
    else refuse(request, response, error);
  }
}

function authorize(url: URL, method: string, azure: Azure): Target {
  const opaque = url.pathname.split('/')[2] ?? '';
  const grant = azure.state.get('grants', opaque);
  const signature = url.searchParams.get('sig') ?? '';
  if (grant === undefined || !sameSecret(signature, grant.signature)) {
    throw new StorageError(
      403,
      'AuthenticationFailed',
      'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.',
    );
  }
  if (Date.parse(grant.expiresAt) <= azure.now().getTime()) {
    throw new StorageError(403, 'AuthenticationFailed', 'Signature not valid in the specified time frame.');
  }
  if (method === 'PUT' && grant.access !== 'Write') {
    throw new StorageError(
      403,
      'AuthorizationPermissionMismatch',
      'This request is not authorized to perform this operation using this permission.',
    );
  }
  const disk = azure.state.find(DISK, grant.resourceId) ?? azure.state.find(SNAPSHOT, grant.resourceId);
  if (disk === undefined) throw new StorageError(404, 'BlobNotFound', 'The specified blob does not exist.');
  return { grant, path: azure.files.path(disk.uniqueId), sizeBytes: blobBytes(disk), lastModified: disk.createdAt };
}

/** While it is uploaded, a disk has the VHD footer behind its content; an exported one would have it, too. */
function blobBytes(disk: DiskRecord | SnapshotRecord): number {
  return disk.diskState === 'ActiveUpload' ? disk.sizeBytes + VHD_FOOTER_BYTES : disk.sizeBytes;
}

function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** @throws StorageError 403 for what a managed disk doesn't do */
function operationOf(request: IncomingMessage, url: URL): PageBlobOperation {
  const component = url.searchParams.get('comp');
  switch (`${request.method} ${component ?? ''}`.trim()) {
    case 'PUT page':
      return request.headers['x-ms-page-write'] === 'clear' ? 'PageBlob_ClearPages' : 'PageBlob_UploadPages';
    case 'HEAD':
      return 'PageBlob_GetProperties';
    case 'GET':
      return 'PageBlob_Download';
    case 'GET pagelist':
      return 'PageBlob_GetPageRanges';
    default:
      throw new StorageError(
        403,
        'FeatureNotSupportedForManagedDisk',
        'This operation is not supported on a managed disk through a shared access signature.',
      );
  }
}

async function carryOut(
  operation: PageBlobOperation,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  target: Target,
  azure: Azure,
): Promise<Reply> {
  switch (operation) {
    case 'PageBlob_UploadPages':
    case 'PageBlob_ClearPages':
      return putPage(request, response, target, azure);
    case 'PageBlob_GetProperties':
      return () => send(response, 200, { ...blobHeaders(target), 'content-length': String(target.sizeBytes) });
    case 'PageBlob_Download':
      return getBlob(request, response, target, azure);
    case 'PageBlob_GetPageRanges':
      return listPages(request, response, url, target, azure);
  }
}

async function putPage(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
  azure: Azure,
): Promise<Reply> {
  const write = request.headers['x-ms-page-write'];
  const range = requirePages(parseRange(request), target.sizeBytes, write);
  await withBody(request, write === 'clear' ? 0 : range.length, async (body) => {
    requireDigest(request, body);
    // The signature may have been revoked while the body came in.
    if (azure.state.get('grants', target.grant.opaque) === undefined) {
      throw new StorageError(403, 'AuthenticationFailed', 'The access to the disk was revoked.');
    }
    await azure.transfers.use(target.grant.opaque, target.path, (file) =>
      write === 'clear' ? clear(file, range) : writeAll(file, body, range.start),
    );
  });
  if (write !== 'clear') await limit(target, range.length, azure);
  const headers = {
    etag: `"0x${Date.now().toString(16).toUpperCase()}"`,
    'last-modified': new Date().toUTCString(),
    'x-ms-blob-sequence-number': '0',
    'x-ms-request-server-encrypted': 'true',
  };
  return () => send(response, 201, headers);
}

async function limit(target: Target, bytes: number, azure: Azure): Promise<void> {
  await azure.bandwidth.pass(target.path, bytes, diskLimit(azure.settings.values, target.sizeBytes));
}

async function writeAll(file: FileHandle, body: Buffer, start: number): Promise<void> {
  for (let done = 0; done < body.length;) {
    const { bytesWritten } = await file.write(body, done, body.length - done, start + done);
    done += bytesWritten;
  }
}

async function clear(file: FileHandle, range: ByteRange): Promise<void> {
  for (let done = 0; done < range.length; done += ZEROS.length) {
    const length = Math.min(ZEROS.length, range.length - done);
    await file.write(ZEROS, 0, length, range.start + done);
  }
}

function requireDigest(request: IncomingMessage, body: Buffer): void {
  const expected = request.headers['content-md5'];
  if (expected === undefined || createHash('md5').update(body).digest('base64') === expected) return;
  throw new StorageError(
    400,
    'Md5Mismatch',
    'The MD5 value specified in the request did not match with the MD5 value calculated by the server.',
  );
}

async function getBlob(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
  azure: Azure,
): Promise<Reply> {
  const asked = parseRange(request);
  if (asked !== null && asked.start >= target.sizeBytes) {
    throw new StorageError(
      416,
      'InvalidRange',
      'The range specified is invalid for the current size of the resource.',
      {
        'content-range': `bytes */${target.sizeBytes}`,
      },
    );
  }
  const start = asked?.start ?? 0;
  const end = Math.min(asked === null ? target.sizeBytes : asked.start + asked.length, target.sizeBytes);
  const headers = {
    ...commonHeaders(),
    ...blobHeaders(target),
    'content-length': String(end - start),
    ...(asked === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${target.sizeBytes}` }),
  };
  return async () => {
    response.writeHead(asked === null ? 200 : 206, headers);
    await azure.transfers.use(target.grant.opaque, target.path, async (file) => {
      for (let position = start; position < end && !response.destroyed;) {
        const length = Math.min(READ_PIECE_BYTES, end - position);
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
        if (bytesRead === 0) buffer.fill(0);
        const piece = bytesRead === 0 ? buffer : buffer.subarray(0, bytesRead);
        await limit(target, piece.length, azure);
        if (!response.write(piece)) await drained(response);
        position += piece.length;
      }
    });
    response.end();
  };
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

async function listPages(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  target: Target,
  azure: Azure,
): Promise<Reply> {
  const asked = parseRange(request);
  const start = Math.max(asked?.start ?? 0, Number(url.searchParams.get('marker') ?? 0) || 0);
  const end = Math.min(asked === null ? target.sizeBytes : asked.start + asked.length, target.sizeBytes);
  const most = Math.min(Number(url.searchParams.get('maxresults') ?? 10_000) || 10_000, 10_000);
  const { ranges, next } = await azure.transfers.use(target.grant.opaque, target.path, (file) =>
    pageRanges(file, start, end, most),
  );
  const items = ranges.map(
    (range) => `<PageRange><Start>${range.start}</Start><End>${range.start + range.length - 1}</End></PageRange>`,
  );
  const marker = next === null ? '<NextMarker/>' : `<NextMarker>${next}</NextMarker>`;
  const body = `<?xml version="1.0" encoding="utf-8"?><PageList>${items.join('')}${marker}</PageList>`;
  const headers = {
    'content-type': 'application/xml',
    'x-ms-blob-content-length': String(target.sizeBytes),
    etag: blobHeaders(target).etag,
    'last-modified': new Date(target.lastModified).toUTCString(),
  };
  return () => send(response, 200, headers, Buffer.from(body));
}

function blobHeaders(target: Target) {
  return {
    'x-ms-blob-type': 'PageBlob',
    'x-ms-blob-sequence-number': '0',
    'x-ms-lease-status': 'unlocked',
    'x-ms-lease-state': 'available',
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    etag: `"0x${Date.parse(target.lastModified).toString(16).toUpperCase()}"`,
    'last-modified': new Date(target.lastModified).toUTCString(),
  };
}

function commonHeaders(): Record<string, string> {
  return { 'x-ms-request-id': randomUUID(), 'x-ms-version': SERVICE_VERSION };
}

export function send(response: ServerResponse, status: number, headers: Record<string, string>, body?: Buffer): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    ...commonHeaders(),
    ...headers,
    ...('content-length' in headers ? {} : { 'content-length': String(body?.length ?? 0) }),
  });
  response.end(body);
}

export function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const refusal = error instanceof StorageError ? error : storageFailure(error, request);
  const body = Buffer.from(
    `<?xml version="1.0" encoding="utf-8"?><Error><Code>${refusal.code}</Code><Message>${refusal.message}</Message></Error>`,
  );
  send(
    response,
    refusal.status,
    { 'content-type': 'application/xml', 'x-ms-error-code': refusal.code, ...refusal.headers },
    request.method === 'HEAD' ? undefined : body,
  );
}

function storageFailure(error: unknown, request: IncomingMessage): StorageError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC') return new StorageError(503, 'ServerBusy', 'The server is busy: its storage is full.');
  if (code !== 'ECONNRESET' && code !== 'EPIPE')
    process.stderr.write(`page blob ${request.method}: ${String(error)}\n`);
  return new StorageError(500, 'InternalError', 'The server encountered an internal error. Please retry the request.');
}
