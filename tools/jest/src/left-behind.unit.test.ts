import { describe, expect, it } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWhatIsLeft } from './left-behind.js';

const DEAF = `process.on('SIGTERM', () => {}); console.log(process.pid); setInterval(() => {}, 1_000)`;
const lives = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
const ended = async (child: ChildProcess): Promise<NodeJS.Signals | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.signalCode;
};

describe('what a run that is called off has started', () => {
  it('is ended: children, and a process of another parent that works in the run’s folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'left-behind-'));
    const child = spawn('sleep', ['600']);
    // The shell ends at once: its sleep belongs to nobody.
    const { stdout } = spawnSync('sh', ['-c', `tail -f "${folder}" /dev/null >/dev/null 2>&1 & echo $!`], {
      encoding: 'utf8',
    });
    const orphan = Number(stdout);
    expect(lives(orphan)).toBe(true);
    await endWhatIsLeft(folder);
    expect(await ended(child)).toBe('SIGTERM');
    expect(lives(orphan)).toBe(false);
  });

  it('is killed when it does not listen', async () => {
    const child = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await endWhatIsLeft(null, 100);
    expect(await ended(child)).toBe('SIGKILL');
  });

  it('is nobody else’s process', async () => {
    const stranger = Number(
      spawnSync('sh', ['-c', 'sleep 600 >/dev/null 2>&1 & echo $!'], { encoding: 'utf8' }).stdout,
    );
    await endWhatIsLeft('/nowhere/at/all');
    expect(lives(stranger)).toBe(true);
    process.kill(stranger, 'SIGKILL');
  });
});
