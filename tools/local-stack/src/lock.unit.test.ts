import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { lockHolder, lockIsStale, releaseLock, takeLock } from './lock.js';
import { endProcess, identify, isAlive, type ProcessIdentity } from '@landfall/azure-emulator/process-identity';

/** A process that does nothing until it is ended. */
async function idleProcess(): Promise<ProcessIdentity> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  return identify(child.pid!)!;
}

describe('the lock of a stack folder', () => {
  let folder: string;
  let other: ProcessIdentity;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-lock-'));
    other = await idleProcess();
  });
  afterEach(async () => {
    await endProcess(other, { signal: 'SIGKILL', deadlineMs: 5_000 });
    rmSync(folder, { recursive: true });
  });

  it('is taken when nobody holds it, and tells who does', async () => {
    assert.equal(lockHolder(folder), null);
    assert.equal(await takeLock(folder, other), true);
    assert.deepEqual(lockHolder(folder), other);
    assert.equal(lockIsStale(folder), false);
  });

  it('is refused to a second process while the first lives', async () => {
    await takeLock(folder, other);
    assert.equal(await takeLock(folder), false);
    assert.deepEqual(lockHolder(folder), other);
  });

  it('is taken over from a process that was killed', async () => {
    await takeLock(folder, other);
    await endProcess(other, { signal: 'SIGKILL', deadlineMs: 5_000 });
    assert.equal(lockHolder(folder), null);
    assert.equal(lockIsStale(folder), true);
    assert.equal(await takeLock(folder), true);
    assert.equal(lockHolder(folder)?.pid, process.pid);
  });

  it('is not believed where another process has got the number since', async () => {
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: other.pid, started: 'another boot:1' }));
    assert.equal(lockHolder(folder), null);
    assert.equal(await takeLock(folder), true);
  });

  it('is taken over when its file was cut off', async () => {
    writeFileSync(join(folder, 'lock'), '{"pid": 12');
    assert.equal(lockIsStale(folder), true);
    assert.equal(await takeLock(folder), true);
  });

  it('goes to one of two that take over a stale one at once', async () => {
    writeFileSync(join(folder, 'lock'), '');
    const taken = await Promise.all([takeLock(folder), takeLock(folder, other)]);
    assert.equal(taken.filter(Boolean).length, 1);
    const winner = JSON.parse(readFileSync(join(folder, 'lock'), 'utf8')) as ProcessIdentity;
    assert.equal(winner.pid, taken[0] ? process.pid : other.pid);
  });

  it('leaves nothing when it is released', async () => {
    await takeLock(folder, other);
    releaseLock(folder);
    assert.equal(lockHolder(folder), null);
    assert.equal(lockIsStale(folder), false);
  });
});

describe('the identity of a process', () => {
  it('is its number and start, and outlives neither', async () => {
    const one = await idleProcess();
    assert.equal(isAlive(one), true);
    assert.equal(isAlive({ ...one, started: `${one.started}1` }), false);
    await endProcess(one, { signal: 'SIGTERM', deadlineMs: 5_000 });
    assert.equal(isAlive(one), false);
    assert.equal(identify(one.pid), null);
  });

  it('keeps a process from being ended in the place of another', async () => {
    const one = await idleProcess();
    await endProcess({ pid: one.pid, started: 'long ago' }, { signal: 'SIGKILL', deadlineMs: 0 });
    assert.equal(isAlive(one), true);
    await endProcess(one, { signal: 'SIGKILL', deadlineMs: 5_000 });
  });

  it('is killed when it does not heed the signal before the deadline', async () => {
    const child = spawn(
      process.execPath,
      ['-e', 'process.on("SIGTERM", () => {}); console.log("ready"); setInterval(() => {}, 1000)'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    await once(child.stdout, 'data');
    const stubborn = identify(child.pid!)!;
    await endProcess(stubborn, { signal: 'SIGTERM', deadlineMs: 100 });
    assert.equal(isAlive(stubborn), false);
  });
});
