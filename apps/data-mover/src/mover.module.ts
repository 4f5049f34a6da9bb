import { availableParallelism } from 'node:os';
import type { DiskTarget } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import { crashHookFromEnvironment } from '@landfall/pipeline';
import { logModule, queueModule } from '@landfall/service';
import type { SegmentGrant } from '@landfall/transfer';
import { type DynamicModule, Inject, Module, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import type { SegmentJobsOptions } from './queue/segment-jobs.js';
import { SEGMENT_WORK, SegmentProcessor, segmentProcessorOf } from './queue/segment-processor.js';
import { seeGone } from './session/process-lock.js';
import type { Session } from './session/session.js';
import type { MoverSettings } from './settings.js';
import { repositoryOpener, Sources } from './source/sources.js';
import { Bandwidth } from './target/bandwidth.js';
import { openTarget } from './transfer/open-target.js';
import { runSegment } from './transfer/segment.js';

const SESSION = Symbol('session');
const MOST_THREADS = 4;

/** Grants → SegmentResults: takes jobs from the queue of its place, for as long as its session lasts. */
@Module({})
export class MoverModule implements OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(SESSION) private readonly session: Session,
    @Inject(SegmentProcessor) private readonly processor: SegmentProcessor,
    @Inject(Sources) private readonly sources: Sources,
  ) {}

  static with(session: Session, settings: MoverSettings, log: Logger): DynamicModule {
    const { redis, queue, concurrency } = session.place;
    return {
      module: MoverModule,
      imports: [logModule(log), queueModule(redis)],
      providers: [
        { provide: SESSION, useValue: session },
        { provide: Sources, useFactory: () => new Sources(repositoryOpener(threadsOf(settings))) },
        {
          provide: SEGMENT_WORK,
          inject: [Sources],
          useFactory: (sources: Sources) => segmentWork(session, settings, log, sources),
        },
        { provide: SegmentProcessor, useClass: segmentProcessorOf(queue, concurrency) },
      ],
    };
  }

  onModuleDestroy(): void {
    this.session.endHeartbeat();
  }

  async onApplicationShutdown(): Promise<void> {
    this.session.writer.end();
    if (this.processor.isIdle) await this.session.leave();
    await this.sources.close();
  }
}

/** Threads that decode the backup. */
export function threadsOf(settings: MoverSettings): number {
  return settings.LANDFALL_MOVER_THREADS ?? Math.min(MOST_THREADS, availableParallelism());
}

function segmentWork(session: Session, settings: MoverSettings, log: Logger, sources: Sources): SegmentJobsOptions {
  const { mover, api, reports, writer, lockFolder, onEnd } = session;
  const bandwidth =
    settings.LANDFALL_MOVER_BANDWIDTH === undefined ? null : new Bandwidth(settings.LANDFALL_MOVER_BANDWIDTH);
  const limited = (target: DiskTarget): DiskTarget => bandwidth?.limit(target) ?? target;
  const work = {
    sources,
    openTarget: async (grant: SegmentGrant) => limited(await openTarget(grant, settings.LANDFALL_DISK_DIRECTORY, log)),
  };
  return {
    ...{ mover, api, reports, writer, log },
    run: (grant, held, mayWrite) => runSegment(grant, work, held, mayWrite),
    // In the pool the API itself decides; it never asks for this there.
    seeGone: async (other) => (lockFolder === null ? undefined : seeGone(lockFolder, other)),
    crash: crashHookFromEnvironment(),
    onNotWelcome: onEnd,
  };
}
