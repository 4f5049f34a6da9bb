import { CAPTURE_REQUEST, CAPTURES_QUERY, EVENTS_QUERY, ROUTES, type CaptureView } from '@landfall/contract';
import { captureHasEnded, NotFoundError, PermanentError, type Capture, type CaptureBooks } from '@landfall/domain';
import { captureNotFound, requestCapture, requestCaptureCancel } from '@landfall/pipeline';
import { Body, Controller, Headers, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import { actorOf } from '../access/actor.js';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { follow, type Followed } from '../restores/event-stream.js';
import { fingerprintOf } from '../restores/fingerprint.js';
import { idempotencyKey } from '../restores/idempotency-key.js';
import { OpenStreams } from '../restores/open-streams.js';

/** Events of one answer when they are asked for as an array; the next call goes on after the last. */
const PAGE = 5_000;

@Controller()
export class CapturesController {
  constructor(
    @Inject(PORTS) private readonly ports: ApiPorts,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
  ) {}

  @Serves(ROUTES.createCapture)
  async create(
    @Body({ schema: CAPTURE_REQUEST }) body: z.infer<typeof CAPTURE_REQUEST>,
    @Headers('idempotency-key') keyHeader: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CaptureView> {
    const { captures } = this.ports;
    const key = idempotencyKey(keyHeader);
    await this.#requireRepository(body.repository);
    const { vmId, repository: repositoryName, stop } = body;
    const { captureId, created } = await requestCapture(captures, {
      request: { vmId, repositoryName, stop },
      requestedBy: actorOf(request),
      // So that no restore's body has the same.
      ...(key === null ? {} : { idempotency: { key, bodyHash: fingerprintOf({ capture: body }) } }),
    });
    response.status(created ? 201 : 200).setHeader('Location', `/v1/captures/${captureId}`);
    return viewOfCapture(await findCapture(captures, captureId));
  }

  @Serves(ROUTES.listCaptures)
  async list(@Query({ schema: CAPTURES_QUERY }) query: z.infer<typeof CAPTURES_QUERY>): Promise<CaptureView[]> {
    return (await this.ports.captures.captures({ limit: query.limit })).map(viewOfCapture);
  }

  @Serves(ROUTES.showCapture)
  async show(@Param('id') id: string): Promise<CaptureView> {
    return viewOfCapture(await findCapture(this.ports.captures, id));
  }

  @Serves(ROUTES.listCaptureEvents)
  async events(
    @Param('id') id: string,
    @Query({ schema: EVENTS_QUERY }) query: z.infer<typeof EVENTS_QUERY>,
    @Headers('accept') accept: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { captures } = this.ports;
    const { id: captureId } = await findCapture(captures, id);
    if (!/\btext\/event-stream\b/.test(accept ?? '')) {
      response.json(await captures.events(captureId, query.after, PAGE));
      return;
    }
    const after = /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : query.after;
    const { pace } = this.streams;
    const followed: Followed = {
      what: 'capture',
      events: (last, limit) => captures.events(captureId, last, limit),
      async now() {
        const capture = await captures.capture(captureId);
        return capture && { view: viewOfCapture(capture), isOver: captureHasEnded(capture.state) };
      },
    };
    await this.streams.run(request, response, (signal) => follow(followed, { after, signal, pace }));
  }

  @Serves(ROUTES.cancelCapture)
  async cancel(@Param('id') id: string, @Req() request: Request): Promise<CaptureView> {
    const { captures } = this.ports;
    await requestCaptureCancel(captures, id, actorOf(request));
    return viewOfCapture(await findCapture(captures, id));
  }

  async #requireRepository(name: string): Promise<void> {
    const repository = await this.ports.catalogue.repository(name);
    if (repository === null) {
      throw new NotFoundError({
        code: 'REPOSITORY_UNKNOWN',
        message: `There is no repository called "${name}".`,
        fix: 'List the repositories with "landfall repo list".',
      });
    }
    if (repository.kind === 'restic') return;
    throw new PermanentError({
      code: 'REPOSITORY_KIND_UNAVAILABLE',
      message: `The repository ${name} is of kind ${repository.kind}; a capture writes restic repositories.`,
      fix: 'Name a restic repository.',
    });
  }
}

async function findCapture(captures: CaptureBooks, id: string): Promise<Capture> {
  const capture = await captures.capture(id);
  if (capture === null) throw captureNotFound(id);
  return capture;
}

/** A capture as the API shows it. */
function viewOfCapture(capture: Capture): CaptureView {
  const { id, state, vmId, stop, machine, oneState, requestedBy, error } = capture;
  return {
    ...{ id, state, vmId, repository: capture.repositoryName, stop, machine, oneState, error, requestedBy },
    takenAt: capture.takenAt?.toISOString() ?? null,
    disks: capture.disks.map(({ name, role, lun, diskId, sizeBytes, bytesDone, stored }) => ({
      ...{ name, role, lun, diskId, sizeBytes, bytesDone, stored: stored !== null },
    })),
    createdAt: capture.createdAt.toISOString(),
    endedAt: capture.endedAt?.toISOString() ?? null,
  };
}
