import { once } from 'node:events';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Request, Response } from 'express';
import { PACE, type StreamPace } from './event-stream.js';

/** The server-sent streams that are open; a shutdown ends them, and their watchers connect again elsewhere. */
@Injectable()
export class OpenStreams implements OnApplicationShutdown {
  readonly #ending = new AbortController();
  readonly pace: StreamPace = PACE;

  onApplicationShutdown(): void {
    this.end();
  }

  end(): void {
    this.#ending.abort();
  }

  /** Writes what `source` yields until it ends, the watcher goes away, or the server shuts down. */
  async run(
    request: Request,
    response: Response,
    source: (signal: AbortSignal) => AsyncIterable<string>,
  ): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#ending.signal]);
    response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    // For proxies that would otherwise collect an answer before they pass it on.
    response.setHeader('X-Accel-Buffering', 'no');
    request.socket.setTimeout(0);
    response.flushHeaders();
    for await (const message of source(signal)) {
      if (signal.aborted) break;
      if (!response.write(message)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end();
  }
}
