import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from './settings.js';

describe('a data-mover’s settings', () => {
  it('make it a worker’s when a worker is named', () => {
    const settings = readSettings({
      LANDFALL_API_URL: 'http://127.0.0.1:8080',
      LANDFALL_WORKER_ID: 'landfall-worker-r1-0',
      LANDFALL_BOOTSTRAP_TOKEN: 'once',
    });
    assert.equal(settings.mode, 'worker');
    assert.equal(settings.LANDFALL_DISK_DIRECTORY, '/dev/disk/azure/data/by-lun');
  });

  it('make it one of the pool otherwise', () => {
    const settings = readSettings({
      LANDFALL_API_URL: 'http://127.0.0.1:8080',
      LANDFALL_MOVER_TOKEN: 'token',
    });
    assert.equal(settings.mode, 'pool');
  });

  it('name every variable that is missing and print no value', () => {
    const read = () =>
      readSettings({ LANDFALL_WORKER_ID: 'w', LANDFALL_API_URL: 'nowhere', LANDFALL_MOVER_NAME: 's3 cret' });
    assert.throws(read, (error) => {
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, /LANDFALL_API_URL.*LANDFALL_MOVER_NAME.*LANDFALL_BOOTSTRAP_TOKEN/);
      assert.doesNotMatch(error.message, /s3 cret|nowhere/);
      return true;
    });
  });
});
