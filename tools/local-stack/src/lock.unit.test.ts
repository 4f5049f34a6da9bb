import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
    expect(lockHolder(folder)).toBe(null);
    expect(await takeLock(folder, other)).toBe(true);
    expect(lockHolder(folder)).toStrictEqual(other);
    expect(lockIsStale(folder)).toBe(false);
  });

  it('is refused to a second process while the first lives', async () => {
    await takeLock(folder, other);
    expect(await takeLock(folder)).toBe(false);
    expect(lockHolder(folder)).toStrictEqual(other);
  });

  it('is taken over from a process that was killed', async () => {
    await takeLock(folder, other);
    await endProcess(other, { signal: 'SIGKILL', deadlineMs: 5_000 });
    expect(lockHolder(folder)).toBe(null);
    expect(lockIsStale(folder)).toBe(true);
    expect(await takeLock(folder)).toBe(true);
    expect(lockHolder(folder)?.pid).toBe(process.pid);
  });

  it('is not believed where another process has got the number since', async () => {
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: other.pid, started: 'another boot:1' }));
    expect(lockHolder(folder)).toBe(null);
    expect(await takeLock(folder)).toBe(true);
  });

  it('is taken over when its file was cut off', async () => {
    writeFileSync(join(folder, 'lock'), '{"pid": 12');
    expect(lockIsStale(folder)).toBe(true);
    expect(await takeLock(folder)).toBe(true);
  });

  it('goes to one of two that take over a stale one at once', async () => {
    writeFileSync(join(folder, 'lock'), '');
    const taken = await Promise.all([takeLock(folder), takeLock(folder, other)]);
    expect(taken.filter(Boolean).length).toBe(1);
    const winner = JSON.parse(readFileSync(join(folder, 'lock'), 'utf8')) as ProcessIdentity;
    expect(winner.pid).toBe(taken[0] ? process.pid : other.pid);
  });

  it('leaves nothing when it is released', async () => {
    await takeLock(folder, other);
    releaseLock(folder);
    expect(lockHolder(folder)).toBe(null);
    expect(lockIsStale(folder)).toBe(false);
  });
});

describe('the identity of a process', () => {
  it('is its number and start, and outlives neither', async () => {
    const one = await idleProcess();
    expect(isAlive(one)).toBe(true);
    expect(isAlive({ ...one, started: `${one.started}1` })).toBe(false);
    await endProcess(one, { signal: 'SIGTERM', deadlineMs: 5_000 });
    expect(isAlive(one)).toBe(false);
    expect(identify(one.pid)).toBe(null);
  });

  it('keeps a process from being ended in the place of another', async () => {
    const one = await idleProcess();
    await endProcess({ pid: one.pid, started: 'long ago' }, { signal: 'SIGKILL', deadlineMs: 0 });
    expect(isAlive(one)).toBe(true);
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
    expect(isAlive(stubborn)).toBe(false);
  });
});
