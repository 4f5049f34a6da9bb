import 'reflect-metadata';
import { host, nestLog } from '@landfall/service';
import { NestFactory } from '@nestjs/core';
import { MoverModule, threadsOf } from './mover.module.js';
import { beginSession } from './session/session.js';
import { readSettings } from './settings.js';

/*
 * The data-mover: reads a repository and writes disks, segment by segment. It has its session first, and learns with it
 * which queue it takes its jobs from. Of the host it takes the process, the log and the queue alone: it has no books and
 * serves nothing, and what it does not load it need not wait for.
 */
const PAUSE_BEFORE_FAILING_MS = 5_000;

await host({
  name: 'data-mover',
  pauseBeforeFailingMs: PAUSE_BEFORE_FAILING_MS,
  async start({ log, stop, giveUp }) {
    const settings = readSettings();
    log.level = settings.LANDFALL_LOG_LEVEL;
    const session = await beginSession(settings, log, stop, giveUp);
    const application = await NestFactory.createApplicationContext(MoverModule.with(session, settings, log), {
      logger: nestLog(log),
      abortOnError: false,
    });
    const { mover, place } = session;
    const { queue, concurrency } = place;
    log.info({ mover, queue, concurrency, threads: threadsOf(settings) }, 'Taking segments.');
    return application;
  },
});
