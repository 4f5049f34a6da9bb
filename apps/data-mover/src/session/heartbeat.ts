import { detailsOf } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import { type ApiClient, NotWelcomeError } from './api-client.js';

const EVERY_MS = 20_000;

/** Tells the API every 20 s that this data-mover lives, which prolongs the worker's session. Returns what ends it. */
export function beginHeartbeat(
  api: ApiClient,
  workerId: string,
  mover: { readonly name: string; readonly pid: number },
  log: Logger,
  onNotWelcome: (error: NotWelcomeError) => void,
): () => void {
  const beat = (): void => {
    api.heartbeat(workerId, { mover }).catch((error: unknown) => {
      if (error instanceof NotWelcomeError) onNotWelcome(error);
      else log.warn({ error: detailsOf(error) }, 'The API was not told that this data-mover lives.');
    });
  };
  beat();
  const timer = setInterval(beat, EVERY_MS);
  return () => clearInterval(timer);
}
