import { detailsOf, Secret } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { RedisSettings } from '@landfall/pipeline';
import type { MoverSettings } from '../settings.js';
import type { ApiClient } from './api-client.js';
import { patiently } from './patience.js';
import { joinSession } from './worker-session.js';

/** Where jobs come from, and as what this process takes them. */
export interface Place {
  readonly redis: RedisSettings;
  readonly queue: string;
  readonly concurrency: number;
  readonly workerId: string | null;
}

/**
 * A worker's data-mover registers, one of the pool asks for its queue; the API believes `api` from then on.
 * @throws LandfallError when a worker's data-mover can't get a session
 */
export async function placeOf(
  settings: MoverSettings,
  api: ApiClient,
  log: Logger,
  signal: AbortSignal,
): Promise<Place> {
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
