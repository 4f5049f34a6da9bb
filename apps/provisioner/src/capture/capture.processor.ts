import { PageBlobSource } from '@landfall/azure/blob';
import type { Cloud, JobInHand } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { CAPTURE_JOB, QUEUES, RUN_CAPTURE } from '@landfall/pipeline';
import {
  APPLIANCE_ID,
  BOOKS,
  CLOUD,
  ENVIRONMENT,
  LOGGER,
  QueueProcessor,
  TakesJobsOf,
  type Patience,
} from '@landfall/service';
import { Inject } from '@nestjs/common';
import type { z } from 'zod';
import type { ProvisionerEnvironment } from '../environment.js';
import type { CapturePorts } from './ports.js';
import { repositoryWriters } from './repository-writers.js';
import { runCapture } from './run-capture.js';

/** A capture keeps a processor and a restic busy. */
const CAPTURES_AT_ONCE = 2;
const CLOSE_WITHIN_MS = 10_000;

/** Captures of VMs. */
@TakesJobsOf(QUEUES.captures, { concurrency: CAPTURES_AT_ONCE })
export class CaptureProcessor extends QueueProcessor<z.infer<typeof RUN_CAPTURE>> {
  readonly #ports: CapturePorts;
  readonly #log: Logger;
  readonly #leaving = new AbortController();

  protected readonly patience: readonly Patience[] = [
    {
      withinMs: CLOSE_WITHIN_MS,
      then: () => this.#log.warn({}, 'A capture was still under way at the end; the next process takes it up.'),
    },
  ];

  constructor(
    @Inject(ENVIRONMENT) environment: ProvisionerEnvironment,
    @Inject(BOOKS) { captures, catalogue, secretBox }: Books,
    @Inject(LOGGER) log: Logger,
    @Inject(CLOUD) cloud: Cloud,
    @Inject(APPLIANCE_ID) applianceId: string,
  ) {
    super(log);
    this.#log = log;
    const secrets = secretBox(environment.LANDFALL_SECRET_KEY);
    this.#ports = {
      ...{ cloud, captures, secrets, applianceId },
      writerOf: repositoryWriters({ catalogue, secrets, accounts: environment.LANDFALL_BLOB_ACCOUNTS }),
      openSnapshot: (name, url, sizeBytes) => new PageBlobSource(name, url, sizeBytes),
    };
  }

  protected override payloadOf(name: string) {
    return name === CAPTURE_JOB ? RUN_CAPTURE : null;
  }

  protected override handle({ payload, lost }: JobInHand<z.infer<typeof RUN_CAPTURE>>): Promise<unknown> {
    return runCapture(this.#ports, payload, AbortSignal.any([lost, this.#leaving.signal]), this.#log);
  }

  protected override onLeaving(): void {
    this.#leaving.abort(new Error('The provisioner stops.'));
  }
}
