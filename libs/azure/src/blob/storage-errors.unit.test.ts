import { describe, expect, it } from '@jest/globals';
import type { LandfallError } from '@landfall/domain';
import { asStoreError } from './storage-errors.js';

const URL_WITH_SAS = 'https://account.blob.core.windows.net/c?sig=secret';

/** As the SDK throws it. */
function refusal(statusCode: number, code: string): Error {
  return Object.assign(new Error(`refused: ${URL_WITH_SAS}`), { statusCode, code, request: { url: URL_WITH_SAS } });
}

describe('an error of blob storage', () => {
  it('tells status, code and file as facts, for those who put it into words of their own', () => {
    for (const [status, code, expected] of [
      [403, 'AuthorizationFailure', 'STORE_DENIED'],
      [503, 'ServerBusy', 'STORE_UNREACHABLE'],
      [404, 'BlobNotFound', 'FILE_NOT_FOUND'],
      [416, 'InvalidRange', 'FILE_TRUNCATED'],
      [409, 'BlobArchived', 'FILE_ARCHIVED'],
      [400, 'InvalidHeaderValue', 'STORE_REFUSED'],
      [404, 'ContainerNotFound', 'STORE_NOT_FOUND'],
    ] as const) {
      const error = asStoreError(refusal(status, code), 'account/c', 'data/ab/abcd') as LandfallError;
      expect(error.code).toBe(expected);
      expect(error.facts).toStrictEqual({ status, system: code, file: 'data/ab/abcd' });
    }
  });

  it('tells no more than is known, and never an address', () => {
    const broken = asStoreError(Object.assign(new Error(URL_WITH_SAS), { code: 'ECONNRESET' }), 'account/c', null);
    expect((broken as LandfallError).facts).toStrictEqual({ system: 'ECONNRESET' });
    expect(JSON.stringify(broken)).not.toContain('sig=');
  });
});
