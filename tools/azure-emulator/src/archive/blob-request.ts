import type { IncomingHttpHeaders } from 'node:http';
import type { OnlineTier, Priority } from './rehydrations.js';

/*
 * What a request to the blob service is about, as far as the archive tier is concerned.
 */
export interface BlobRequest {
  readonly method: string;
  /** `account/container`; null for requests about the account. */
  readonly container: string | null;
  /** `account/container/name`; null for requests about containers, and for snapshots and versions of a blob. */
  readonly blob: string | null;
  readonly comp: string;
  readonly copySource: string | null;
  readonly tier: string | null;
  readonly priority: Priority;
}

export function blobRequest(method: string, url: string, headers: IncomingHttpHeaders): BlobRequest {
  const { pathname, searchParams } = new URL(url, 'http://blobs.invalid');
  const [account, container, ...name] = place(pathname, headers.host);
  const isBase = !searchParams.has('snapshot') && !searchParams.has('versionid');
  const hasBlob = isBase && name.length > 0 && searchParams.get('restype') === null;
  return {
    method,
    container: container === undefined || container === '' ? null : `${account}/${container}`,
    blob: hasBlob ? [account, container, ...name].join('/') : null,
    comp: (searchParams.get('comp') ?? '').toLowerCase(),
    copySource: text(headers['x-ms-copy-source']),
    tier: text(headers['x-ms-access-tier']),
    priority: text(headers['x-ms-rehydrate-priority'])?.toLowerCase() === 'high' ? 'High' : 'Standard',
  };
}

/** The blob that a copy is made from; null when it is not a blob's address, or that of a snapshot. */
export function sourceBlob(copySource: string): string | null {
  try {
    const { pathname, host, searchParams } = new URL(copySource);
    if (searchParams.has('snapshot') || searchParams.has('versionid')) return null;
    return place(pathname, host).join('/');
  } catch {
    return null;
  }
}

export function onlineTier(tier: string | null): OnlineTier | null {
  const known: Readonly<Record<string, OnlineTier>> = { hot: 'Hot', cool: 'Cool', cold: 'Cold' };
  return known[tier?.toLowerCase() ?? ''] ?? null;
}

/** The account is the first part of the path, or of a host such as `account.blob.localhost`. */
function place(pathname: string, host: string | undefined): string[] {
  const parts = pathname.split('/').slice(1).map(decoded);
  const account = /^([a-z0-9-]+)\.blob\./.exec(host ?? '')?.[1];
  return account === undefined ? parts : [account, ...parts];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function text(header: string | string[] | undefined): string | null {
  return typeof header === 'string' && header !== '' ? header : null;
}
