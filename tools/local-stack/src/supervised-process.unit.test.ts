import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identify } from '@landfall/azure-emulator/process-identity';
import { ProcessRecord, endLeftOverProcesses, leftOverProcesses } from './process-record.js';
import type { ServerSpec } from './servers/index.js';
import { SupervisedProcess } from './supervised-process.js';

const IDLE = 'setInterval(() => {}, 1000)';

describe('a supervised process', () => {
  let folder: string;
  /** Emits `spawned` and `ended` with a process number. */
  let seen: EventEmitter;
  let running: SupervisedProcess | undefined;
  const notes: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-supervised-'));
    seen = new EventEmitter();
    notes.length = 0;
  });
  afterEach(async () => {
    await running?.stop();
    rmSync(folder, { recursive: true });
  });

  function supervise(script: string, ready: () => Promise<boolean> = async () => true): SupervisedProcess {
    const spec: ServerSpec = {
      name: 'service',
      command: process.execPath,
      args: ['-e', script],
      env: {},
      port: 0,
      url: '',
      stopSignal: 'SIGTERM',
      ready,
    };
    running = new SupervisedProcess(
      spec,
      { logFile: join(folder, 'service.log'), startDeadlineMs: 5_000, stopDeadlineMs: 5_000 },
      {
        spawned: (_name, pid) => seen.emit('spawned', pid),
        ended: (_name, pid) => seen.emit('ended', pid),
        note: (line) => notes.push(line),
      },
    );
    return running;
  }

  it('is started again under another number when it is killed', async () => {
    const service = supervise(IDLE);
    const [[first]] = await Promise.all([once(seen, 'spawned'), service.start()]);
    const again = once(seen, 'spawned');
    process.kill(first as number, 'SIGKILL');
    const [second] = await again;
    expect(second).not.toBe(first);
    expect(notes.join('\n')).toMatch(/service ended \(SIGKILL\)/);
  });

  it('is not started again after it was stopped', async () => {
    const service = supervise(IDLE);
    const [[pid]] = await Promise.all([once(seen, 'spawned'), service.start()]);
    seen.on('spawned', () => assert.fail('it was started again'));
    await service.stop();
    expect(identify(pid as number)).toBe(null);
  });

  it('fails at its first start with the end of its log, and is not tried again', async () => {
    const service = supervise('console.error("no such setting"); process.exit(3)', async () => false);
    await assert.rejects(service.start(), (error: Error) => {
      expect(error.message).toMatch(/exit code 3/);
      expect(error.message).toMatch(/no such setting/);
      return true;
    });
    expect(readFileSync(join(folder, 'service.log'), 'utf8')).toMatch(/no such setting/);
  });

  it('can be stopped while it is starting', async () => {
    const service = supervise(IDLE, async () => false);
    const spawned = once(seen, 'spawned');
    const start = expect(service.start()).rejects.toThrow();
    const [pid] = await spawned;
    await service.stop();
    await start;
    expect(identify(pid as number)).toBe(null);
  });

  it('is ended by the next stack when its supervisor was killed', async () => {
    const service = supervise(IDLE);
    const record = new ProcessRecord(folder);
    seen.on('spawned', (pid: number) => record.add('service', pid, 'SIGTERM'));
    await service.start();
    const [left] = leftOverProcesses(folder);
    assert.equal(left?.name, 'service');
    const gone = once(seen, 'ended');
    expect(await endLeftOverProcesses(folder)).toBe(1);
    await gone;
    expect(identify(left.pid)).toBe(null);
  });
});
