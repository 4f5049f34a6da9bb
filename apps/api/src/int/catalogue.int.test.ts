import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { restorePointId } from '@landfall/domain';
import { z } from 'zod';
import { MACHINE_ANSWER, POINT_ANSWER, REPOSITORY_ANSWER, SCANNED_REPOSITORY_ANSWER } from '../openapi.js';
import { ApiUnderTest, scanFails, scanFinds } from './running-api.fixture.test.js';
import { discovered } from './samples.fixture.test.js';

const PASSWORD = 'canary-repository-password';
let api: ApiUnderTest;
before(async () => {
  api = await ApiUnderTest.start();
});
after(() => api.close());

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
    assert.equal(added.status, 201);
    const repository = SCANNED_REPOSITORY_ANSWER.parse(added.body);
    assert.equal(repository.url, '/srv/nightly');
    assert.equal(repository.format, 'restic, format version 2');
    assert.deepEqual([repository.machines, repository.points, repository.hostedByProvider], [1, 1, true]);
    const shown = await api.call('GET', '/v1/repositories/nightly', { role: 'viewer' });
    assert.equal(REPOSITORY_ANSWER.parse(shown.body).points, 1);
    const listed = await api.call('GET', '/v1/repositories', { role: 'viewer' });
    assert.equal(z.array(REPOSITORY_ANSWER).parse(listed.body).length, 1);
    for (const answer of [added, shown, listed]) assert.doesNotMatch(answer.text, /canary/);
  });

  it('keep their password sealed', async () => {
    await add();
    const { catalogue, secrets } = api.connections.ports;
    const sealed = (await catalogue.sealedPassword('nightly')) ?? '';
    assert.doesNotMatch(sealed, /canary/);
    assert.equal(secrets.open(sealed, 'repository:nightly').reveal(), PASSWORD);
    assert.throws(() => secrets.open(sealed, 'repository:other'));
  });

  for (const code of ['REPOSITORY_PASSWORD_WRONG', 'REPOSITORY_NOT_FOUND', 'REPOSITORY_DAMAGED']) {
    it(`are not added when the scan ends in ${code}`, async () => {
      scanFails(api, code);
      const answer = await add();
      assert.equal(answer.status, 422);
      assert.equal((answer.body as { code: string }).code, code);
      assert.equal((await api.call('GET', '/v1/repositories/nightly', { role: 'viewer' })).status, 404);
      scanFinds(api);
      assert.equal((await add()).status, 201);
    });
  }

  it('keep their name to themselves', async () => {
    await add();
    const problem = await api.problem('POST', '/v1/repositories', {
      body: { name: 'nightly', kind: 'restic', url: '/srv/other', password: 'x' },
    });
    assert.deepEqual([problem.status, problem.code], [409, 'REPOSITORY_EXISTS']);
    assert.equal((await api.call('GET', '/v1/repositories/nightly', { role: 'viewer' })).status, 200);
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
      assert.deepEqual(
        problem.errors?.map((error) => error.field),
        [field],
      );
    }
    const located = await api.problem('POST', '/v1/repositories', {
      body: { name: 'x', kind: 'restic', url: 'https://user:canary@169.254.169.254/', password: 'x' },
    });
    assert.deepEqual([located.status, located.code], [400, 'REPOSITORY_URL_INVALID']);
    assert.doesNotMatch(JSON.stringify(located), /canary/);
    const body = { name: 'x', kind: 'restic', url: '/srv/x' };
    assert.equal((await api.problem('POST', '/v1/repositories', { body })).code, 'REPOSITORY_PASSWORD_MISSING');
  });

  it('are read again on demand', async () => {
    await add();
    scanFinds(api, [discovered(), discovered({ reference: 'b2'.repeat(32), takenAt: new Date() })]);
    const answer = await api.call('POST', '/v1/repositories/nightly/rescan', { role: 'operator' });
    assert.equal(answer.status, 200);
    assert.equal(SCANNED_REPOSITORY_ANSWER.parse(answer.body).points, 2);
    assert.equal((await api.call('POST', '/v1/repositories/other/rescan', { role: 'operator' })).status, 404);
  });

  it('stay when a later scan fails', async () => {
    await add();
    scanFails(api, 'REPOSITORY_DAMAGED');
    assert.equal((await api.call('POST', '/v1/repositories/nightly/rescan', { role: 'operator' })).status, 422);
    assert.equal((await api.call('GET', '/v1/restore-points', { role: 'viewer' })).text.includes('web'), true);
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
    assert.deepEqual([busy.status, busy.code], [409, 'REPOSITORY_IN_USE']);
    const restore = await books.restore(id);
    await books.transaction((tx) => tx.moveRestore(id, { from: 'planning', epoch: restore?.epoch ?? 0 }, 'failed'));
    assert.equal((await api.call('DELETE', '/v1/repositories/nightly', { role: 'operator' })).status, 204);
    assert.equal((await api.call('DELETE', '/v1/repositories/nightly', { role: 'operator' })).status, 404);
    assert.deepEqual((await api.call('GET', '/v1/restore-points', { role: 'viewer' })).body, []);
  });

  it('leave their traces in the audit log, without secrets', async () => {
    await add();
    await api.call('DELETE', '/v1/repositories/nightly', { role: 'admin' });
    const entries = (await api.connections.ports.audit.entries(0, 10_000)).slice(-2);
    assert.deepEqual(
      entries.map(({ actor, action, subject }) => [actor, action, subject]),
      [
        ['operator', 'repository.add', 'nightly'],
        ['admin', 'repository.remove', 'nightly'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(entries), /canary/);
  });

  it('write no secret into the log', () => assert.doesNotMatch(api.log.join(''), /canary/));
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
  before(async () => {
    scanFinds(api, [discovered(), other]);
    await api.connections.ports.catalogue.removeRepository('nightly');
    await add();
  });

  it('are listed', async () => {
    const machines = z.array(MACHINE_ANSWER).parse((await api.call('GET', '/v1/machines', { role: 'viewer' })).body);
    assert.deepEqual(machines.map((machine) => machine.name).sort(), ['db', 'web']);
    const all = await api.call('GET', '/v1/restore-points', { role: 'viewer' });
    assert.equal(z.array(POINT_ANSWER).parse(all.body).length, 2);
    assert.doesNotMatch(all.text, /canary-location/);
  });

  it("are found by a machine's id, name or alias", async () => {
    const { machineId } = (await api.connections.ports.catalogue.points()).find(
      (point) => point.machineName === 'web',
    )!;
    for (const text of ['web', 'web-host', machineId]) {
      const answer = await api.call('GET', `/v1/restore-points?machine=${text}`, { role: 'viewer' });
      assert.deepEqual(
        z
          .array(POINT_ANSWER)
          .parse(answer.body)
          .map((point) => point.machine),
        ['web'],
        text,
      );
    }
    const problem = await api.problem('GET', '/v1/restore-points?machine=nobody');
    assert.deepEqual([problem.status, problem.code], [404, 'MACHINE_NOT_FOUND']);
    assert.equal((await api.problem('GET', '/v1/restore-points?name=web')).status, 400);
  });

  it('are shown by id, reference or the beginning of it', async () => {
    const id = restorePointId('nightly', discovered().reference);
    for (const text of [id, discovered().reference, 'a1a1a1', id.slice(0, 9)]) {
      const point = POINT_ANSWER.parse((await api.call('GET', `/v1/restore-points/${text}`, { role: 'viewer' })).body);
      assert.equal(point.id, id, text);
      assert.deepEqual(
        point.disks.map((disk) => disk.role),
        ['os', 'data'],
      );
      assert.equal(point.restorable, true);
    }
    const files = await api.call('GET', `/v1/restore-points/${other.reference}`, { role: 'viewer' });
    assert.equal(POINT_ANSWER.parse(files.body).restorable, false);
  });

  it('are refused when the text fits none, or several', async () => {
    const unknown = await api.problem('GET', '/v1/restore-points/ffffffff');
    assert.deepEqual([unknown.status, unknown.code], [404, 'POINT_NOT_FOUND']);
    assert.equal((await api.problem('GET', '/v1/restore-points/a1')).status, 404);
    scanFinds(api, [discovered(), discovered({ reference: `a1a1a1a1${'c3'.repeat(28)}` })]);
    await api.call('POST', '/v1/repositories/nightly/rescan', { role: 'operator' });
    const several = await api.problem('GET', '/v1/restore-points/a1a1a1');
    assert.deepEqual([several.status, several.code], [409, 'POINT_AMBIGUOUS']);
    assert.ok(several.detail.includes(restorePointId('nightly', discovered().reference)));
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
