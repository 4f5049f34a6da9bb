import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/*
 * An HTTP proxy in front of a blob service, which answers badly where it is told to. Services know it as the service
 * itself; who fills containers goes round it. The service behind may be started later than the proxy.
 */
export interface BadAnswers {
  /** This many times; for good when left out. */
  readonly times?: number;
  readonly how:
    | { readonly kind: 'late'; readonly ms: number }
    | { readonly kind: 'status'; readonly status: 403 | 503; readonly code: string }
    /** The answer ends in its middle. */
    | { readonly kind: 'cut' };
}

export class BlobProxy {
  /** By what an address contains, and how many were given. */
  readonly #bad = new Map<string, { readonly answers: BadAnswers; given: number }>();

  private constructor(
    private readonly server: Server,
    private readonly upstream: () => number,
  ) {}

  /** @param upstream the port of the service behind, asked for each request */
  static async listen(upstream: () => number): Promise<BlobProxy> {
    const server = createServer((asked, answer) => {
      proxy.#handle(asked, answer).catch(() => answer.destroy());
    });
    const proxy = new BlobProxy(server, upstream);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** For addresses that contain `where`, from now on. */
  answerBadly(where: string, answers: BadAnswers): void {
    this.#bad.set(where, { answers, given: 0 });
  }

  answerWell(where: string): void {
    this.#bad.delete(where);
  }

  /** How many bad answers there were. */
  given(where: string): number {
    return this.#bad.get(where)?.given ?? 0;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  async #handle(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const how = this.#badFor(decodeURIComponent(asked.url ?? ''));
    if (how?.kind === 'status') {
      asked.resume();
      answer.writeHead(how.status, { 'x-ms-error-code': how.code, 'content-type': 'application/xml' });
      answer.end(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${how.code}</Code><Message/></Error>`);
      return;
    }
    if (how?.kind === 'late') await pause(how.ms);
    const passed = request({
      ...{ host: '127.0.0.1', port: this.upstream(), method: asked.method, path: asked.url },
      headers: asked.headers,
    });
    asked.pipe(passed);
    const [from] = (await once(passed, 'response')) as [IncomingMessage];
    answer.writeHead(from.statusCode ?? 502, from.headers);
    if (how?.kind !== 'cut') {
      from.pipe(answer);
      return;
    }
    const length = Number(from.headers['content-length'] ?? 0);
    for await (const chunk of from) {
      answer.write((chunk as Buffer).subarray(0, Math.ceil(length / 2)));
      break;
    }
    await pause(50);
    answer.destroy();
  }

  #badFor(address: string): BadAnswers['how'] | null {
    for (const [where, bad] of this.#bad) {
      if (!address.includes(where) || bad.given >= (bad.answers.times ?? Infinity)) continue;
      bad.given += 1;
      return bad.answers.how;
    }
    return null;
  }
}
