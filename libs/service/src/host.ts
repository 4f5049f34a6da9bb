import { setTimeout as pause } from 'node:timers/promises';
import { LandfallError } from '@landfall/domain';
import { createLogger, type Logger } from '@landfall/observability/logger';

/** After that the process ends, whatever still hangs: a connection to a server that is away need not ever close. */
const END_WITHIN_MS = 12_000;

/** The process that a service runs in. */
export interface Host {
  /** Of level `info`, until the settings say otherwise. */
  readonly log: Logger;
  /** Aborted when the process is asked to end. */
  readonly stop: AbortSignal;
  /** Ends the process with 1: it can do its work no more. */
  giveUp(error: unknown): void;
}

export interface Hosted {
  /** Gives back what is in hand. */
  close(): Promise<void>;
}

export interface HostOptions {
  /** As it is called in its log. */
  readonly name: string;
  /** Makes the service, which does its work once this has returned. */
  start(host: Host): Promise<Hosted>;
  /** Waited for before it ends with 1, where whoever starts it again would be told the same at once; 0 when left out. */
  readonly pauseBeforeFailingMs?: number;
}

/**
 * Runs a service for as long as the process lives. It ends with 0 after SIGTERM or SIGINT, within 12 s, and with 1 when it
 * can't do its work; whoever runs it starts it again.
 */
export async function host({ name, start, pauseBeforeFailingMs = 0 }: HostOptions): Promise<void> {
  const log = createLogger(name);
  const stop = new AbortController();
  let service: Hosted | undefined;
  let ending = false;

  const end = async (code: number): Promise<void> => {
    if (ending) return;
    ending = true;
    setTimeout(() => {
      log.warn({}, 'Not everything has closed in time; the process ends all the same.');
      process.exit(code);
    }, END_WITHIN_MS).unref();
    stop.abort(new Error(`The ${name} stops.`));
    await service?.close().catch((err: unknown) => log.warn({ err }, 'Not everything has closed cleanly.'));
    process.exit(code);
  };
  const giveUp = async (err: unknown, otherwise: string): Promise<void> => {
    if (ending) return;
    log.fatal({ err }, err instanceof LandfallError ? `${err.message} ${err.fix}` : otherwise);
    await pause(pauseBeforeFailingMs);
    await end(1);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (!ending) log.info({ signal }, 'Shutting down.');
      void end(0);
    });
  }

  try {
    const onLost = (error: unknown): void => void giveUp(error, `The ${name} can't go on.`);
    service = await start({ log, stop: stop.signal, giveUp: onLost });
  } catch (error) {
    await giveUp(error, `The ${name} could not start.`);
  }
}
