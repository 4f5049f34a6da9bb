import { describe, expect, it } from '@jest/globals';
import { detailsOf } from './errors.js';
import { outlineOf, withoutCredentials, withoutSecrets } from './foreign-text.js';

describe('the text of an error that is not ours', () => {
  it('is told by its code or its name alone', () => {
    const missing = Object.assign(new Error("ENOENT: no such file, open '/canary'"), { code: 'ENOENT' });
    const invalid = Object.assign(new TypeError("env must not hold NUL. Received 'canary'"), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect(outlineOf(missing)).toBe('there is nothing there (ENOENT)');
    expect(outlineOf(invalid)).toBe('ERR_INVALID_ARG_VALUE');
    expect(
      outlineOf(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) })),
    ).toBe('nothing listens there (ECONNREFUSED)');
    expect(outlineOf(new SyntaxError('Unexpected token c, "canary" is not JSON'))).toBe('SyntaxError');
    expect(outlineOf(Object.assign(new Error('x'), { name: 'can ary', code: 'can ary' }))).toBe('Error');
    expect(outlineOf('canary')).toBe('string');
    expect(outlineOf(null)).toBe('object');
  });

  it('does not become the message of an unexpected one', () => {
    expect(detailsOf(new TypeError('canary')).message).toBe('An unexpected error: TypeError.');
  });

  it('does not end in a loop of causes', () => {
    const error: Error & { cause?: unknown } = new Error('round');
    error.cause = error;
    expect(outlineOf(error)).toBe('Error');
  });
});

describe('a location', () => {
  it('is shown without what signs in', () => {
    expect(withoutCredentials('rest:https://me:can@ry@host:8000/repo')).toBe('rest:https://host:8000/repo');
    expect(withoutCredentials('azure://account/c?sig=canary')).toBe('azure://account/c');
    expect(withoutCredentials('/srv/backups')).toBe('/srv/backups');
  });
});

describe("a sentence of Azure's", () => {
  it('loses tokens, signatures and keys', () => {
    const key = Buffer.alloc(64, 7).toString('base64');
    for (const sentence of [
      'The token eyJhbGciOi.eyJzdWIi.canary is expired.',
      'Authorization: Bearer canary, rejected.',
      'GET https://a.blob.core.windows.net/c/b?sv=1&sig=canary%3D&se=2 was refused.',
      'AccountKey=canary; EndpointSuffix=core.windows.net',
      "The header 'password': 'canary' is wrong.",
      'https://me:canary@host/ was refused.',
    ]) {
      expect(withoutSecrets(sentence)).not.toMatch(/canary/);
    }
    expect(withoutSecrets(`The key ${key} is wrong.`)).toBe('The key [secret] is wrong.');
  });

  it('stays as it is without any', () => {
    for (const sentence of [
      "The resource '/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/production/providers/Microsoft.Compute/disks/web-os' was not found.",
      'AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value.',
      'Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Current Limit: 10, Additional Required: 4.',
    ]) {
      expect(withoutSecrets(sentence)).toBe(sentence);
    }
  });
});
