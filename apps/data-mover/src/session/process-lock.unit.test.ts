import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seeGone, takeProcessLock } from './process-lock.js';

const HOLDER = fileURLToPath(new URL('lock-holder.fixture.test.js', import.meta.url));

describe('the lock of a data-mover’s name', () => {
  let folder: string;
  let children: ChildProcess[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-lock-'));
    children = [];
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  const holder = async (
    mover: string,
    flags: readonly string[] = [],
  ): Promise<{ child: ChildProcess; gone: Promise<unknown[]> }> => {
    const child = spawn(process.execPath, [...flags, HOLDER, folder, mover], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const gone = once(child, 'exit');
    await once(child.stdout!, 'data');
    return { child, gone };
  };

  it('ends a stopped process and returns when it is gone', async () => {
    const { child, gone } = await holder('w-0/aa');
    child.kill('SIGSTOP');
    await seeGone(folder, 'w-0/aa');
    expect(await gone).toStrictEqual([null, 'SIGKILL']);
  });

  it('keeps the lock of a process that has collected its garbage, until that process is ended', async () => {
    const { gone } = await holder('w-0/aa', ['--expose-gc']);
    const other = spawnSync('flock', ['-x', '-n', join(folder, 'w-0.lock'), 'true']);
    assert.equal(other.status, 1, 'nobody else gets it');
    await seeGone(folder, 'w-0/aa');
    expect(await gone).toStrictEqual([null, 'SIGKILL']);
  });

  it('ends whoever still has the name that a new process takes', async () => {
    const { child, gone } = await holder('w-0/aa');
    child.kill('SIGSTOP');
    const lock = await takeProcessLock(folder, 'w-0/bb');
    expect(await gone).toStrictEqual([null, 'SIGKILL']);
    await lock.close();
  });

  it('leaves the successor of the one alone that is to be gone, and processes of other names', async () => {
    const first = await holder('w-0/aa');
    first.child.kill('SIGKILL');
    await first.gone;
    const successor = await holder('w-0/bb');
    const other = await holder('w-1/cc');
    await seeGone(folder, 'w-0/aa');
    for (const { child } of [successor, other]) expect(child.exitCode ?? child.signalCode).toBe(null);
  });

  it('knows that a process is gone which ended by itself, or never was on this worker', async () => {
    const { child, gone } = await holder('w-0/aa');
    child.kill('SIGTERM');
    await gone;
    await seeGone(folder, 'w-0/aa');
    await seeGone(folder, 'w-9/zz');
  });
});
