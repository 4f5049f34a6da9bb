import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { BadInputError } from '@landfall/domain';
import { canonicalUrl, parseRepositoryUrl } from './repository-url.js';

describe("a repository's location", () => {
  for (const [given, kept] of [
    ['/srv/backups', '/srv/backups'],
    ['/srv//backups/', '/srv/backups'],
    ['/srv/./backups', '/srv/backups'],
    ['/', '/'],
    ['/with space/ünï', '/with space/ünï'],
    ['/odd@name?#', '/odd@name?#'],
    ['file:///srv/backups', '/srv/backups'],
    ['file:///srv/with%20space', '/srv/with space'],
    ['azure://account1/vault', 'azure://account1/vault'],
    ['azure://account1/vault/', 'azure://account1/vault'],
    ['azure://account1/vault/a/b', 'azure://account1/vault/a/b'],
  ] as const) {
    it(`keeps ${given} as ${kept}`, () => expect(canonicalUrl(parseRepositoryUrl(given))).toBe(kept));
  }

  for (const refused of [
    'relative/path',
    './here',
    '~/backups',
    '/srv/../etc',
    'file://other-host/srv',
    'http://169.254.169.254/metadata',
    'https://example.org/repo',
    's3:bucket/repo',
    'sftp:user@host:/repo',
    'azure://UPPER/vault',
    'azure://ab/vault',
    'azure://account1',
    'azure://account1/x',
    'azure://account1/vault/../other',
    'azure://account1/vault//a',
    'azure://account1.evil.example/vault',
    'azure://key@account1/vault',
    'azure://account1/vault?sig=abc',
    'file:///srv%00/x',
  ]) {
    it(`refuses ${refused}`, () => expect(() => parseRepositoryUrl(refused)).toThrow(BadInputError));
  }

  it('does not repeat a credential that was typed into it', () => {
    for (const url of [
      'azure://user:canary@account1/vault',
      'azure://account1/vault?sv=1&sig=canary',
      'rest:https://user:canary@host/repo',
      'https://user:can@ary:canary@host/',
    ]) {
      assert.throws(
        () => parseRepositoryUrl(url),
        (error) => error instanceof BadInputError && !/canary/.test(error.message),
        url,
      );
    }
  });
});
