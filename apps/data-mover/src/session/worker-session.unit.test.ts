import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RetryableError } from '@landfall/domain';
import { NotWelcomeError } from './api-client.js';
import { joinSession, type Registration } from './worker-session.js';

const SESSION = {
  sessionToken: 'session',
  validSeconds: 3600,
  redisUrl: 'redis://127.0.0.1:1',
  queue: 'mover-worker-w',
  concurrency: 3,
};

describe('the session of a worker', () => {
  let folder: string;
  let asked: number;
  /** What the API does, call by call; the last one stays. */
  let answers: ('away' | 'accept' | 'refuse')[];
  /** The session's token as it was asked for. */
  let wanted: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-session-'));
    asked = 0;
    answers = ['accept', 'refuse'];
    wanted = [];
  });

  afterEach(() => rm(folder, { recursive: true }));

  const register = async (_id: string, { sessionToken }: { sessionToken?: string }) => {
    const answer = answers[Math.min(asked, answers.length - 1)];
    asked += 1;
    wanted.push(sessionToken ?? '');
    const details = { code: 'X', message: 'No.', fix: 'None.' };
    if (answer === 'away') throw new RetryableError(details);
    if (answer === 'refuse') throw new NotWelcomeError(details);
    return SESSION;
  };

  const registration = (): Registration => ({
    api: { register },
    workerId: 'w',
    bootstrapToken: 'once',
    stateFolder: join(folder, 'state'),
    mover: { name: 'w-0', pid: 1 },
    signal: new AbortController().signal,
  });

  it('is redeemed by one of several data-movers that start together, and shared by all', async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => joinSession(registration())));
    for (const joined of sessions) expect(joined).toStrictEqual(SESSION);
  });

  it('is taken up by a restarted data-mover without asking the API', async () => {
    await joinSession(registration());
    const before = asked;
    expect(await joinSession(registration())).toStrictEqual(SESSION);
    expect(asked).toBe(before);
  });

  it('lies in a file that only its owner can read, and leaves no other file behind', async () => {
    await joinSession(registration());
    const state = join(folder, 'state');
    expect(await readdir(state)).toStrictEqual(['session.json']);
    expect((await stat(join(state, 'session.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(state)).mode & 0o777).toBe(0o700);
  });

  it('is asked for again as it was, by the next process too, when the answer was lost', async () => {
    const lost = new AbortController();
    answers = ['away'];
    const first = joinSession({ ...registration(), signal: lost.signal, onRetry: () => lost.abort() });
    await expect(first).rejects.toThrow();
    answers = ['accept'];
    expect(await joinSession(registration())).toStrictEqual(SESSION);
    expect(wanted.length).toBe(2);
    expect(wanted[0] ?? '').toMatch(/^[\w-]{43}$/);
    expect(wanted[1]).toBe(wanted[0]);
  });

  it('waits for an API that is not ready yet', async () => {
    answers = ['away', 'away', 'accept'];
    expect(await joinSession(registration())).toStrictEqual(SESSION);
    expect(asked).toBe(3);
  });
});
