import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  INSPECTED_POINT,
  MACHINE,
  REPOSITORY,
  RESTORE_POINT,
  SCANNED_REPOSITORY,
  SEEN_ON_SOME_DISK,
} from '@landfall/contract';
import { restorePointId, type PointSurveys } from '@landfall/domain';
import { z } from 'zod';
import { ApiUnderTest, scanFails, scanFinds } from './running-api.fixture.test.js';
import { discovered } from './samples.fixture.test.js';

const PASSWORD = 'canary-repository-password';
let api: ApiUnderTest;
beforeAll(async () => {
  api = await ApiUnderTest.start();
});
afterAll(() => api.close());

const add = (change: Record<string, unknown> = {}) =>
  api.call('POST', '/v1/repositories', {
    role: 'operator',
    body: { name: 'nightly', kind: 'restic', url: '/srv/nightly/', password: PASSWORD, ...change },
  });

describe('repositories', () => {
  beforeEach(async () => {
    scanFinds(api, [discovered()]);
    for (const { name } of await api.connections.ports.catalogue.repositories()) {
      await api.connections.ports.catalogue.removeRepository(name);
    }
  });

  it('are added, read at once and shown, and never show their password', async () => {
    const added = await add({ hostedByProvider: true });
    expect(added.status).toBe(201);
    const repository = SCANNED_REPOSITORY.parse(added.body);
    expect(repository.url).toBe('/srv/nightly');
    expect(repository.format).toBe('restic, format version 2');
    expect([repository.machines, repository.points, repository.hostedByProvider]).toStrictEqual([1, 1, true]);
    const shown = await api.call('GET', '/v1/repositories/nightly', { role: 'viewer' });
    expect(REPOSITORY.parse(shown.body).points).toBe(1);
    const listed = await api.call('GET', '/v1/repositories', { role: 'viewer' });
    expect(z.array(REPOSITORY).parse(listed.body).length).toBe(1);
    for (const answer of [added, shown, listed]) expect(answer.text).not.toMatch(/canary/);
  });

  it('keep their password sealed', async () => {
    await add();
    const { catalogue, secrets } = api.connections.ports;
    const sealed = (await catalogue.sealedPassword('nightly')) ?? '';
    expect(sealed).not.toMatch(/canary/);
    expect(secrets.open(sealed, 'repository:nightly').reveal()).toBe(PASSWORD);
    expect(() => secrets.open(sealed, 'repository:other')).toThrow();
  });

  for (const code of ['REPOSITORY_PASSWORD_WRONG', 'REPOSITORY_NOT_FOUND', 'REPOSITORY_DAMAGED']) {
    it(`are not added when the scan ends in ${code}`, async () => {
      scanFails(api, code);
      const answer = await add();
      expect(answer.status).toBe(422);
      expect((answer.body as { code: string }).code).toBe(code);
      expect((await api.call('GET', '/v1/repositories/nightly', { role: 'viewer' })).status).toBe(404);
      scanFinds(api);
      expect((await add()).status).toBe(201);
    });
  }

  it('keep their name to themselves', async () => {
    await add();
    const problem = await api.problem('POST', '/v1/repositories', {
      body: { name: 'nightly', kind: 'restic', url: '/srv/other', password: 'x' },
    });
    expect([problem.status, problem.code]).toStrictEqual([409, 'REPOSITORY_EXISTS']);
    expect((await api.call('GET', '/v1/repositories/nightly', { role: 'viewer' })).status).toBe(200);
  });

  it('are refused when they are described wrongly, without repeating a credential', async () => {
    for (const [change, field] of [
      [{ name: '../etc' }, 'name'],
      [{ name: 'a'.repeat(64) }, 'name'],
      [{ kind: 'tape' }, 'kind'],
      [{ url: '' }, 'url'],
      [{ password: '' }, 'password'],
      [{ sftpCommand: 'sh' }, 'sftpCommand'],
      [{ hostedByProvider: 'no' }, 'hostedByProvider'],
    ] as const) {
      const body = { name: 'nightly', kind: 'restic', url: '/srv/nightly', password: 'x', ...change };
      const problem = await api.problem('POST', '/v1/repositories', { body });
      assert.deepEqual([problem.status, problem.code], [400, 'BAD_REQUEST'], field);
      expect(problem.errors?.map((error) => error.field)).toStrictEqual([field]);
    }
    const located = await api.problem('POST', '/v1/repositories', {
      body: { name: 'x', kind: 'restic', url: 'https://user:canary@169.254.169.254/', password: 'x' },
    });
    expect([located.status, located.code]).toStrictEqual([400, 'REPOSITORY_URL_INVALID']);
    expect(JSON.stringify(located)).not.toMatch(/canary/);
    const body = { name: 'x', kind: 'restic', url: '/srv/x' };
    expect((await api.problem('POST', '/v1/repositories', { body })).code).toBe('REPOSITORY_PASSWORD_MISSING');
  });

  it('are read again on demand', async () => {
    await add();
    scanFinds(api, [discovered(), discovered({ reference: 'b2'.repeat(32), takenAt: new Date() })]);
    const answer = await api.call('POST', '/v1/repositories/nightly/rescan', { role: 'operator' });
    expect(answer.status).toBe(200);
    expect(SCANNED_REPOSITORY.parse(answer.body).points).toBe(2);
    expect((await api.call('POST', '/v1/repositories/other/rescan', { role: 'operator' })).status).toBe(404);
  });

  it('stay when a later scan fails', async () => {
    await add();
    scanFails(api, 'REPOSITORY_DAMAGED');
    expect((await api.call('POST', '/v1/repositories/nightly/rescan', { role: 'operator' })).status).toBe(422);
    expect((await api.call('GET', '/v1/restore-points', { role: 'viewer' })).text.includes('web')).toBe(true);
  });

  it('are removed with their points, once, and not while a restore needs them', async () => {
    await add();
    const { books } = api.connections.ports;
    const restorePointIdOf = restorePointId('nightly', discovered().reference);
    const created = await api.call('POST', '/v1/restores', {
      role: 'operator',
      body: { restorePointId: restorePointIdOf, destination: { kind: 'new' } },
    });
    const { id } = created.body as { id: string };
    const busy = await api.problem('DELETE', '/v1/repositories/nightly');
    expect([busy.status, busy.code]).toStrictEqual([409, 'REPOSITORY_IN_USE']);
    const restore = await books.restore(id);
    await books.transaction((tx) => tx.moveRestore(id, { from: 'planning', epoch: restore?.epoch ?? 0 }, 'failed'));
    expect((await api.call('DELETE', '/v1/repositories/nightly', { role: 'operator' })).status).toBe(204);
    expect((await api.call('DELETE', '/v1/repositories/nightly', { role: 'operator' })).status).toBe(404);
    expect((await api.call('GET', '/v1/restore-points', { role: 'viewer' })).body).toStrictEqual([]);
  });

  it('leave their traces in the audit log, without secrets', async () => {
    await add();
    await api.call('DELETE', '/v1/repositories/nightly', { role: 'admin' });
    const entries = (await api.connections.ports.audit.entries(0, 10_000)).slice(-2);
    expect(entries.map(({ actor, action, subject }) => [actor, action, subject])).toStrictEqual([
      ['operator', 'repository.add', 'nightly'],
      ['admin', 'repository.remove', 'nightly'],
    ]);
    expect(JSON.stringify(entries)).not.toMatch(/canary/);
  });

  it('write no secret into the log', () => expect(api.log.join('')).not.toMatch(/canary/));
});

describe('machines and restore points', () => {
  const other = discovered({
    reference: 'a1b2'.repeat(16),
    machineKey: 'db-host /db.raw',
    machineName: 'db',
    aliases: ['db-host'],
    level: 'file',
    disks: [],
  });
  beforeAll(async () => {
    scanFinds(api, [discovered(), other]);
    await api.connections.ports.catalogue.removeRepository('nightly');
    await add();
  });

  it('are listed', async () => {
    const machines = z.array(MACHINE).parse((await api.call('GET', '/v1/machines', { role: 'viewer' })).body);
    expect(machines.map((machine) => machine.name).sort()).toStrictEqual(['db', 'web']);
    const all = await api.call('GET', '/v1/restore-points', { role: 'viewer' });
    expect(z.array(RESTORE_POINT).parse(all.body).length).toBe(2);
    expect(all.text).not.toMatch(/canary-location/);
  });

  it("are found by a machine's id, name or alias", async () => {
    const { machineId } = (await api.connections.ports.catalogue.points()).find(
      (point) => point.machineName === 'web',
    )!;
    for (const text of ['web', 'web-host', machineId]) {
      const answer = await api.call('GET', `/v1/restore-points?machine=${text}`, { role: 'viewer' });
      assert.deepEqual(
        z
          .array(RESTORE_POINT)
          .parse(answer.body)
          .map((point) => point.machine),
        ['web'],
        text,
      );
    }
    const problem = await api.problem('GET', '/v1/restore-points?machine=nobody');
    expect([problem.status, problem.code]).toStrictEqual([404, 'MACHINE_NOT_FOUND']);
    expect((await api.problem('GET', '/v1/restore-points?name=web')).status).toBe(400);
  });

  it('are shown by id, reference or the beginning of it', async () => {
    const id = restorePointId('nightly', discovered().reference);
    for (const text of [id, discovered().reference, 'a1a1a1', id.slice(0, 9)]) {
      const point = RESTORE_POINT.parse((await api.call('GET', `/v1/restore-points/${text}`, { role: 'viewer' })).body);
      assert.equal(point.id, id, text);
      expect(point.disks.map((disk) => disk.role)).toStrictEqual(['os', 'data']);
      expect(point.restorable).toBe(true);
    }
    const shown = async () =>
      INSPECTED_POINT.parse((await api.call('GET', `/v1/restore-points/${id}`, { role: 'viewer' })).body).inspection;
    expect(await shown()).toBe(null);
    const inspection = SEEN_ON_SOME_DISK;
    const surveys = api.connections.ports.surveys as PointSurveys;
    await surveys.keep(id, { inspection, disks: [] });
    expect(await shown()).toStrictEqual(inspection);
    await surveys.keep(id, { inspection: { of: 'an earlier version' }, disks: [] });
    expect(await shown()).toBe(null);
    const files = await api.call('GET', `/v1/restore-points/${other.reference}`, { role: 'viewer' });
    expect(RESTORE_POINT.parse(files.body).restorable).toBe(false);
  });

  it('are refused when the text fits none, or several', async () => {
    const unknown = await api.problem('GET', '/v1/restore-points/ffffffff');
    expect([unknown.status, unknown.code]).toStrictEqual([404, 'POINT_NOT_FOUND']);
    expect((await api.problem('GET', '/v1/restore-points/a1')).status).toBe(404);
    scanFinds(api, [discovered(), discovered({ reference: `a1a1a1a1${'c3'.repeat(28)}` })]);
    await api.call('POST', '/v1/repositories/nightly/rescan', { role: 'operator' });
    const several = await api.problem('GET', '/v1/restore-points/a1a1a1');
    expect([several.status, several.code]).toStrictEqual([409, 'POINT_AMBIGUOUS']);
    expect(several.detail).toContain(restorePointId('nightly', discovered().reference));
  });

  it('are asked for with odd texts without harm', async () => {
    for (const text of [
      '%25%25%25%25%25%25',
      '______',
      "'; DROP TABLE x;--",
      '%F0%9F%92%A9'.repeat(3),
      '..%2f..%2f..',
      'x'.repeat(5_000),
    ]) {
      const { status } = await api.call('GET', `/v1/restore-points/${text}`, { role: 'viewer' });
      assert.ok(status === 404 || status === 409, `${text}: ${status}`);
    }
  });
});
