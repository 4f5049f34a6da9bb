import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseBlobUrl } from './location.js';

describe('a place in blob storage', () => {
  it('is an account, a container and a prefix', () => {
    expect(parseBlobUrl('azure://backups01/restic-web/prod/machines')).toStrictEqual({
      account: 'backups01',
      container: 'restic-web',
      prefix: 'prod/machines',
    });
  });

  it('may be the whole container, with or without a slash at its end', () => {
    for (const url of ['azure://backups01/restic', 'azure://backups01/restic/']) {
      expect(parseBlobUrl(url)).toStrictEqual({ account: 'backups01', container: 'restic', prefix: '' });
    }
    expect(parseBlobUrl('azure://backups01/restic/a/').prefix).toBe('a');
  });

  for (const url of [
    '',
    'azure://',
    'azure://backups01',
    'azure://backups01/',
    'azure://ba/restic',
    'azure://Backups/restic',
    'azure://a.b.c/restic',
    'azure://user:pw@backups01/restic',
    'azure://backups01/Restic',
    'azure://backups01/re--stic',
    'azure://backups01/-restic',
    'azure://backups01/restic-',
    'azure://backups01/re',
    'azure://backups01/restic//a',
    'azure://backups01/restic/../other',
    'azure://backups01/restic/./a',
    'azure://backups01/restic/a?sig=1',
    'azure://backups01/restic/a#b',
    'azure://backups01/restic/a%2f..',
    'azure://backups01/restic/a\\b',
    'azure://backups01/restic/a\nb',
    `azure://backups01/restic/${'a'.repeat(901)}`,
    'https://backups01.blob.core.windows.net/restic',
    '/folder',
  ]) {
    it(`is not ${JSON.stringify(url.slice(0, 60))}`, () => {
      expect(() => parseBlobUrl(url)).toThrow(expect.objectContaining({ code: 'BLOB_URL_INVALID' }));
    });
  }

  it('is refused with an error of its own kind or read, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `azure://backups01/restic/${text}`),
        ),
        (url) => {
          try {
            const { prefix } = parseBlobUrl(url);
            expect(!prefix.split('/').includes('..') && !prefix.startsWith('/') && !prefix.endsWith('/')).toBe(true);
          } catch (error) {
            expect((error as { code?: string }).code).toBe('BLOB_URL_INVALID');
          }
        },
      ),
    );
  });
});
