import { EVENTS_QUERY, ROUTES } from '@landfall/contract';
import { Controller, Headers, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { followRestore, type StreamPace } from './event-stream.js';
import { findRestore } from './find-restore.js';
import { OpenStreams } from './open-streams.js';

/** Events of one answer when they are asked for as an array; the next call goes on after the last. */
const PAGE = 5_000;

@Controller()
export class EventsController {
  constructor(
    @Inject(PORTS) private readonly ports: ApiPorts,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
  ) {}

  @Serves(ROUTES.listRestoreEvents)
  async events(
    @Param('id') id: string,
    @Query({ schema: EVENTS_QUERY }) query: z.infer<typeof EVENTS_QUERY>,
    @Headers('accept') accept: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { books } = this.ports;
    const restore = await findRestore(books, id);
    if (!/\btext\/event-stream\b/.test(accept ?? '')) {
      response.json(await books.events(restore.id, query.after, PAGE));
      return;
    }
    const after = /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : query.after;
    const pace: StreamPace = this.streams.pace;
    await this.streams.run(request, response, (signal) =>
      followRestore({ books, restoreId: restore.id, after, signal, pace }),
    );
  }
}
