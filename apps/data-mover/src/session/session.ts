import { randomBytes } from 'node:crypto';
import { detailsOf, type RetryableError } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import { KeptReports } from '../queue/kept-reports.js';
import { Reports } from '../queue/reports.js';
import type { MoverSettings } from '../settings.js';
import { ApiClient, type NotWelcomeError } from './api-client.js';
import { beginHeartbeat } from './heartbeat.js';
import { patiently } from './patience.js';
import { type Place, placeOf } from './place.js';
import { takeProcessLock } from './process-lock.js';
import { WriterLease } from './writer-lease.js';

const LEAVE_WITHIN_MS = 2_000;

/** What this process has to have before it takes any job. */
export interface Session {
  /** `name/instance`: tells this process from the one that had the name before it. */
  readonly mover: string;
  readonly api: ApiClient;
  readonly place: Place;
  readonly writer: WriterLease;
  readonly reports: Reports;
  /** Of the locks of the worker's data-movers; null in the pool. */
  readonly lockFolder: string | null;
  /** Told of what ends this process: the API no longer accepts it, or its lease is lost. */
  readonly onEnd: (error: NotWelcomeError | RetryableError) => void;
  endHeartbeat(): void;
  /** Gives the lease back, so that nobody has to see this process gone. Only for one that writes nothing any more. */
  leave(): Promise<void>;
}

/**
 * Takes the lock of its name, so that its predecessor is gone, then its place, then a lease of its own, and delivers what the
 * one before has left.
 * @throws LandfallError when a worker's data-mover can't get a session
 */
export async function beginSession(
  settings: MoverSettings,
  log: Logger,
  signal: AbortSignal,
  onEnd: Session['onEnd'],
): Promise<Session> {
  const name = settings.LANDFALL_MOVER_NAME;
  const mover = `${name}/${randomBytes(4).toString('hex')}`;
  const api = new ApiClient(settings.LANDFALL_API_URL);
  const lockFolder = settings.mode === 'worker' ? settings.LANDFALL_WORKER_STATE : null;
  const stateFolder = settings.mode === 'worker' ? settings.LANDFALL_WORKER_STATE : settings.LANDFALL_MOVER_STATE;
  const kept = await KeptReports.in(stateFolder, (file, err) =>
    log.error({ file, err }, 'A kept report can’t be read; it is put aside.'),
  );
  if (lockFolder !== null) await takeProcessLock(lockFolder, mover);
  const place = await placeOf(settings, api, log, signal);
  const writer = await leaseOf(api, mover, log, signal, onEnd);
  const endHeartbeat =
    place.workerId === null
      ? () => undefined
      : beginHeartbeat(api, place.workerId, { name, pid: process.pid }, log, onEnd);
  const reports = new Reports(api, kept, mover, log);
  // First of all: nothing is taken for a disk that the one before has found to be bad.
  await reports.deliverOfPredecessors(signal);
  reports.started(signal).catch((err: unknown) => log.warn({ err }, 'The API was not told of the start.'));
  return {
    ...{ mover, api, place, writer, reports, lockFolder, onEnd, endHeartbeat },
    async leave() {
      await api.leave(mover, AbortSignal.timeout(LEAVE_WITHIN_MS)).catch(() => undefined);
    },
  };
}

async function leaseOf(
  api: ApiClient,
  mover: string,
  log: Logger,
  signal: AbortSignal,
  onLost: (error: RetryableError) => void,
): Promise<WriterLease> {
  const granted = await patiently(
    async () => ({ askedAt: performance.now(), ...(await api.takeLease(mover, signal)) }),
    { signal, onRetry: (error) => log.warn({ error: detailsOf(error) }, 'Asking for a lease again soon.') },
  );
  return new WriterLease(api, mover, granted, log, onLost);
}
