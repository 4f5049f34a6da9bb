import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readSettings } from './settings.js';

describe('a data-mover’s settings', () => {
  it('make it a worker’s when a worker is named', () => {
    const settings = readSettings({
      LANDFALL_API_URL: 'http://127.0.0.1:8080',
      LANDFALL_WORKER_ID: 'landfall-worker-r1-0',
      LANDFALL_BOOTSTRAP_TOKEN: 'once',
    });
    expect(settings.mode).toBe('worker');
    expect(settings.LANDFALL_DISK_DIRECTORY).toBe('/dev/disk/azure/data/by-lun');
  });

  it('make it one of the pool otherwise', () => {
    const settings = readSettings({
      LANDFALL_API_URL: 'http://127.0.0.1:8080',
      LANDFALL_MOVER_TOKEN: 'token',
    });
    expect(settings.mode).toBe('pool');
  });

  it('name every variable that is missing and print no value', () => {
    const read = () =>
      readSettings({ LANDFALL_WORKER_ID: 'w', LANDFALL_API_URL: 'nowhere', LANDFALL_MOVER_NAME: 's3 cret' });
    assert.throws(read, (error) => {
      assert.ok(error instanceof Error && 'code' in error);
      expect(error.code).toBe('CONFIG_INVALID');
      expect(error.message).toMatch(/LANDFALL_API_URL.*LANDFALL_MOVER_NAME.*LANDFALL_BOOTSTRAP_TOKEN/);
      expect(error.message).not.toMatch(/s3 cret|nowhere/);
      return true;
    });
  });
});
