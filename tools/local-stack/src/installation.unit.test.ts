import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kindOfProcess, openInstallation, processNames, SERVICE_NAMES } from './installation.js';

describe('the processes of a service', () => {
  it('have its name when there is one, and are numbered when there are several', () => {
    expect(processNames('api', 1)).toStrictEqual(['api']);
    expect(processNames('api', 2)).toStrictEqual(['api-1', 'api-2']);
  });

  it('tell by their names of which kind they are', () => {
    const kinds = ['api', 'api-2', 'data-mover-10', 'azure-emulator'].map(kindOfProcess);
    expect(kinds).toStrictEqual(['api', 'api', 'data-mover', 'azure-emulator']);
  });
});

describe('an installation', () => {
  it('has a port for each of several processes, and the same ones at the next start, however many there were between', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'landfall-installation-'));
    try {
      const { ports } = await openInstallation(folder, 2);
      const names = [...SERVICE_NAMES, ...SERVICE_NAMES.flatMap((name) => processNames(name, 2))];
      const given = names.map((name) => ports[name]);
      assert.equal(new Set(given).size, names.length, `${names.join(' ')} have ${given.join(' ')}`);
      assert.ok(!('api-1' in (await openInstallation(folder)).ports), 'one process has its service’s own port');
      expect((await openInstallation(folder, 2)).ports).toStrictEqual(ports);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
