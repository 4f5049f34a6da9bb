import { describe, expect, it } from '@jest/globals';
import { toDisk } from './models.js';

const GIB = 1024 ** 3;

describe("a disk's size", () => {
  const sizeOf = (properties: object): number =>
    toDisk({ location: 'westeurope', creationData: { createOption: 'Upload' }, ...properties }, 'rg', null).sizeBytes;

  it('is what was announced, less the footer, as long as Azure shows none because the upload has not ended', () => {
    const creationData = { createOption: 'Upload', uploadSizeBytes: 20 * GIB + 512 };
    expect(sizeOf({ diskState: 'ReadyToUpload', creationData })).toBe(20 * GIB);
    expect(sizeOf({ diskState: 'ActiveUpload', creationData })).toBe(20 * GIB);
  });

  it('is what Azure shows of a disk that has one, to the byte where it says so', () => {
    const creationData = { createOption: 'Upload', uploadSizeBytes: 20 * GIB + 512 };
    expect(sizeOf({ creationData, diskSizeGB: 32 })).toBe(32 * GIB);
    expect(sizeOf({ creationData, diskSizeGB: 32, diskSizeBytes: 31 * GIB + 1 })).toBe(31 * GIB + 1);
  });
});
