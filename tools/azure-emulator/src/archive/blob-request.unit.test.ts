import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { blobRequest, onlineTier, sourceBlob } from './blob-request.js';
import { showPending } from './listing.js';
import type { Rehydration } from './rehydrations.js';

describe('what a request to the blob service is about', () => {
  it('is told by path and host alike', () => {
    const byPath = blobRequest('GET', '/acc/box/a/b%20c', { host: '127.0.0.1:10000' });
    const byHost = blobRequest('GET', '/box/a/b%20c', { host: 'acc.blob.localhost:10000' });
    expect(byPath.blob).toBe('acc/box/a/b c');
    expect(byHost).toStrictEqual(byPath);
  });

  it('is no blob for containers, accounts, snapshots and versions', () => {
    for (const url of [
      '/acc?comp=list',
      '/acc/box?restype=container&comp=list',
      '/acc/box/a?snapshot=1',
      '/acc/box/a?versionid=1',
    ]) {
      assert.equal(blobRequest('GET', url, {}).blob, null, url);
    }
    expect(blobRequest('GET', '/acc/box?restype=container&comp=list', {}).container).toBe('acc/box');
    expect(sourceBlob('http://127.0.0.1:1/acc/box/a?snapshot=1')).toBe(null);
    expect(sourceBlob('not a URL')).toBe(null);
  });

  it('survives names that are no URL', () => {
    expect(blobRequest('GET', '/acc/box/%E0%A4%A', {}).blob).toBe('acc/box/%E0%A4%A');
    expect(onlineTier('archive')).toBe(null);
    expect(onlineTier('COLD')).toBe('Cold');
  });
});

describe('a listing with pending blobs', () => {
  const row: Rehydration = {
    blob: 'acc/box/a&b',
    tier: 'Cold',
    priority: 'Standard',
    requestedAt: 0,
    raisedAt: null,
    copy: null,
  };
  const entry = (name: string, more = ''): string =>
    `<Blob><Name>${name}</Name>${more}<Properties><AccessTier>Cold</AccessTier></Properties></Blob>`;

  it('shows them as archived and leaves the others and all snapshots alone', () => {
    const snapshot = entry('a&amp;b', '<Snapshot>2026</Snapshot>');
    const xml = `<Blobs>${entry('x')}${entry('a&amp;b')}${snapshot}</Blobs>`;
    const shown = showPending(xml, (name) => (name === 'a&b' ? row : undefined));
    const pending =
      '<Blob><Name>a&amp;b</Name><Properties><AccessTier>Archive</AccessTier>' +
      '<ArchiveStatus>rehydrate-pending-to-cold</ArchiveStatus><RehydratePriority>Standard</RehydratePriority></Properties></Blob>';
    expect(shown).toBe(`<Blobs>${entry('x')}${pending}${snapshot}</Blobs>`);
  });
});
