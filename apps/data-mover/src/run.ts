import { detailsOf } from '@landfall/domain';
import { createLogger, type Logger } from '@landfall/observability';
import { type Mover, startMover } from './mover.js';
import { readSettings } from './settings.js';

/*
 * The data-mover: reads a repository and writes disks, segment by segment. No framework, so that it starts at once and
 * stays small. Ends with 0 after SIGTERM or SIGINT, with 1 when it can't do its work; whoever runs it starts it again.
 */
const PAUSE_BEFORE_FAILING_MS = 5_000;
/** After that the process ends, whatever still hangs. */
const SHUTDOWN_WITHIN_MS = 12_000;

async function main(): Promise<void> {
  let log: Logger = createLogger('data-mover');
  const stop = new AbortController();
  let mover: Mover | undefined;
  let ending = false;

  const end = async (code: number): Promise<void> => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(code), SHUTDOWN_WITHIN_MS).unref();
    stop.abort(new Error('The data-mover stops.'));
    await mover?.close();
    process.exit(code);
  };
  process.on('SIGTERM', () => void end(0));
  process.on('SIGINT', () => void end(0));

  const giveUp = async (error: unknown): Promise<void> => {
    if (ending) return;
    log.error({ err: error, ...detailsOf(error) }, 'The data-mover ends.');
    // Whoever starts it again would be told the same at once.
    await new Promise((resolve) => setTimeout(resolve, PAUSE_BEFORE_FAILING_MS));
    await end(1);
  };

  try {
    const settings = readSettings();
    log = createLogger('data-mover', settings.LANDFALL_LOG_LEVEL);
    mover = await startMover(settings, log, stop.signal, (error) => void giveUp(error));
  } catch (error) {
    await giveUp(error);
  }
}

await main();
