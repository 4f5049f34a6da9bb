import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { detailsOf, type DiskTarget, type RetryableError, Secret } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import { crashHookFromEnvironment, type RedisSettings } from '@landfall/pipeline';
import type { SegmentGrant } from '@landfall/transfer';
import { JobLoop } from './queue/job-loop.js';
import { KeptReports } from './queue/kept-reports.js';
import { Reports } from './queue/reports.js';
import { ApiClient, type NotWelcomeError } from './session/api-client.js';
import { beginHeartbeat } from './session/heartbeat.js';
import { patiently } from './session/patience.js';
import { seeGone, takeProcessLock } from './session/process-lock.js';
import { joinSession } from './session/worker-session.js';
import { WriterLease } from './session/writer-lease.js';
import type { MoverSettings } from './settings.js';
import { repositoryOpener, Sources } from './source/sources.js';
import { Bandwidth } from './target/bandwidth.js';
import { openTarget } from './transfer/open-target.js';
import { runSegment } from './transfer/segment.js';

/** A running data-mover. */
export interface Mover {
  /** Gives back what is in hand; returns within 10 s. */
  close(): Promise<void>;
}

/** Where jobs come from, and as what this process takes them. */
interface Place {
  readonly redis: RedisSettings;
  readonly queue: string;
  readonly concurrency: number;
  readonly workerId: string | null;
}

const MOST_THREADS = 4;
const LEAVE_WITHIN_MS = 2_000;

/**
 * Starts taking segments: with the lock of its name, so that its predecessor is gone, and then with a lease of its own.
 * @param onEnd the API no longer accepts this data-mover, or its lease is lost: it should end
 * @throws LandfallError when a worker's data-mover can't get a session
 */
export async function startMover(
  settings: MoverSettings,
  log: Logger,
  signal: AbortSignal,
  onEnd: (error: NotWelcomeError | RetryableError) => void,
): Promise<Mover> {
  const name = settings.LANDFALL_MOVER_NAME;
  // Tells this process from the one that had the name before it.
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
  const threads = settings.LANDFALL_MOVER_THREADS ?? Math.min(MOST_THREADS, availableParallelism());
  const sources = new Sources(repositoryOpener(threads));
  const bandwidth =
    settings.LANDFALL_MOVER_BANDWIDTH === undefined ? null : new Bandwidth(settings.LANDFALL_MOVER_BANDWIDTH);
  const limited = (target: DiskTarget): DiskTarget => bandwidth?.limit(target) ?? target;
  const work = {
    sources,
    openTarget: async (grant: SegmentGrant) => limited(await openTarget(grant, settings.LANDFALL_DISK_DIRECTORY, log)),
  };
  const loop = new JobLoop({
    ...place,
    mover,
    api,
    reports,
    run: (grant, held, mayWrite) => runSegment(grant, work, held, mayWrite),
    writer,
    // In the pool the API itself decides; it never asks for this there.
    seeGone: async (other) => (lockFolder === null ? undefined : seeGone(lockFolder, other)),
    log,
    crash: crashHookFromEnvironment(),
    onNotWelcome: onEnd,
  });
  log.info({ mover, queue: place.queue, concurrency: place.concurrency, threads }, 'Taking segments.');
  return {
    async close() {
      endHeartbeat();
      await loop.close();
      writer.end();
      if (loop.isIdle) await api.leave(mover, AbortSignal.timeout(LEAVE_WITHIN_MS)).catch(() => undefined);
      await sources.close();
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

async function placeOf(settings: MoverSettings, api: ApiClient, log: Logger, signal: AbortSignal): Promise<Place> {
  if (settings.mode === 'pool') {
    api.authenticate(settings.LANDFALL_MOVER_TOKEN);
    const { redisUrl, queuePrefix, queue } = await patiently(() => api.poolPlace(signal), {
      signal,
      onRetry: (error) => log.warn({ error: detailsOf(error) }, 'Asking for the queue again soon.'),
    });
    return {
      redis: redisSettings(new Secret(redisUrl), queuePrefix),
      queue,
      concurrency: settings.LANDFALL_MOVER_CONCURRENCY,
      workerId: null,
    };
  }
  const session = await joinSession({
    api,
    workerId: settings.LANDFALL_WORKER_ID,
    bootstrapToken: settings.LANDFALL_BOOTSTRAP_TOKEN.reveal(),
    stateFolder: settings.LANDFALL_WORKER_STATE,
    mover: { name: settings.LANDFALL_MOVER_NAME, pid: process.pid },
    signal,
    onRetry: (err) => log.warn({ err }, 'Registering again soon.'),
  });
  api.authenticate(new Secret(session.sessionToken));
  return {
    redis: redisSettings(new Secret(session.redisUrl), session.queuePrefix),
    queue: session.queue,
    concurrency: session.concurrency,
    workerId: settings.LANDFALL_WORKER_ID,
  };
}

function redisSettings(url: Secret, prefix: string | undefined): RedisSettings {
  return prefix === undefined ? { url } : { url, prefix };
}
