import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError } from '@landfall/domain';
import { REGISTERED } from '@landfall/transfer';
import { type ApiClient, NotWelcomeError, type Registered } from './api-client.js';
import { patiently } from './patience.js';

/*
 * The session of a worker, shared by its data-movers through a file.
 *
 * The bootstrap token works once, for one session. So that session is chosen first, and kept in the state folder: whoever
 * dies before it has the answer, or never gets it, asks for the same session again and gets it. What was got is written
 * there, too, whole or not at all (a new file, renamed). Data-movers that come later are refused by the API and wait
 * for that file; one that is started again finds it and asks nobody.
 */
const FILE = 'session.json';
const CHOSEN = 'session.chosen';
const WAIT_FOR_FILE_MS = 15_000;
const LOOK_EVERY_MS = 100;

export interface Registration {
  readonly api: Pick<ApiClient, 'register'>;
  readonly workerId: string;
  readonly bootstrapToken: string;
  readonly stateFolder: string;
  readonly mover: { readonly name: string; readonly pid: number };
  readonly signal: AbortSignal;
  readonly onRetry?: (error: unknown) => void;
}

/** @throws PermanentError `NOT_REGISTERED` when the token is refused and no other data-mover has a session */
export async function joinSession(registration: Registration): Promise<Registered> {
  const { api, workerId, bootstrapToken, stateFolder, mover, signal, onRetry } = registration;
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const known = await readSession(stateFolder);
  if (known !== null) return known;
  try {
    const sessionToken = await chooseToken(stateFolder);
    const session = await patiently(() => api.register(workerId, { bootstrapToken, sessionToken, mover }, signal), {
      signal,
      ...(onRetry === undefined ? {} : { onRetry }),
    });
    await writeSession(stateFolder, session);
    await rm(join(stateFolder, CHOSEN), { force: true });
    return session;
  } catch (error) {
    if (!(error instanceof NotWelcomeError)) throw error;
    return waitForSession(registration, error);
  }
}

/** The same for all data-movers of the worker: the first to link its file has chosen. */
async function chooseToken(folder: string): Promise<string> {
  const chosen = join(folder, CHOSEN);
  const own = `${chosen}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const token = randomBytes(32).toString('base64url');
  await writeFile(own, token, { mode: 0o600, flush: true });
  try {
    await link(own, chosen);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(own, { force: true });
  }
  // It is gone again when a session was got meanwhile: then the API refuses this one, and the session lies in its file.
  return readFile(chosen, 'utf8').catch(() => token);
}

async function waitForSession({ stateFolder, workerId, signal }: Registration, cause: Error): Promise<Registered> {
  const deadline = performance.now() + WAIT_FOR_FILE_MS;
  while (performance.now() < deadline) {
    const session = await readSession(stateFolder);
    if (session !== null) return session;
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
  throw new PermanentError(
    {
      code: 'NOT_REGISTERED',
      message: `The API does not accept the bootstrap token of worker ${workerId}: it is wrong, used or expired.`,
      fix: 'Nothing can be done on this worker: the restore launches another one when it is resumed.',
    },
    { cause },
  );
}

async function readSession(folder: string): Promise<Registered | null> {
  try {
    return REGISTERED.parse(JSON.parse(await readFile(join(folder, FILE), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new PermanentError(
      {
        code: 'SESSION_UNREADABLE',
        message: `The worker's session in ${folder} can't be read.`,
        fix: 'See that the data-movers of the worker run as one user, which owns the folder.',
      },
      { cause: error },
    );
  }
}

async function writeSession(folder: string, session: Registered): Promise<void> {
  const temporary = join(folder, `${FILE}.${process.pid}`);
  await writeFile(temporary, JSON.stringify(session), { mode: 0o600, flush: true });
  await rename(temporary, join(folder, FILE));
}
