import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/*
 * A TCP proxy between a service and a server, which misbehaves when it is told to:
 *
 *   cut()          every connection is reset, at this moment
 *   refuse(true)   and no new one gets through, until `refuse(false)`
 *   delay(ms)      everything that passes waits that long
 *   silence(true)  connections stay open, and nothing passes in either direction until `silence(false)`
 *
 * An observer sees each byte before it is passed on, and may have the connection cut at an exact place of the stream:
 * `PatternCut`, `PostgresCuts`.
 */
export interface Observer {
  /** How many bytes of the chunk may still pass before the connection is cut; null: all of them, and no cut. */
  toServer(chunk: Buffer): number | null;
  toClient(chunk: Buffer): number | null;
}

export interface ProxyOptions {
  readonly host?: string;
  /** Of the server behind. */
  readonly port: number;
  /** One for each connection, from its first byte on. */
  readonly observe?: () => Observer;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class FaultProxy {
  readonly #options: ProxyOptions;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  readonly #waiting = new Set<() => void>();
  #refusing = false;
  #silent = false;
  #delayMs = 0;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#listener = createServer((client) => this.#accept(client));
  }

  static async listen(options: ProxyOptions, port = 0): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    proxy.#listener.listen(port, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  cut(): void {
    for (const pair of [...this.#pairs]) this.#reset(pair);
  }

  refuse(yes: boolean): void {
    this.#refusing = yes;
    if (yes) this.cut();
  }

  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  silence(yes: boolean): void {
    this.#silent = yes;
    if (!yes) this.#goOn();
  }

  /** Ends everything; what waits in a silence is dropped. */
  async close(): Promise<void> {
    this.cut();
    this.#goOn();
    if (!this.#listener.listening) return;
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  #goOn(): void {
    for (const resume of [...this.#waiting]) resume();
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = createConnection({ host: this.#options.host ?? '127.0.0.1', port: this.#options.port });
    const pair: Pair = { client, server };
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.#reset(pair));
      socket.on('close', () => this.#reset(pair));
    }
    const observer = this.#options.observe?.();
    void this.#carry(pair, client, server, (chunk) => observer?.toServer(chunk) ?? null);
    void this.#carry(pair, server, client, (chunk) => observer?.toClient(chunk) ?? null);
  }

  async #carry(pair: Pair, from: Socket, to: Socket, look: (chunk: Buffer) => number | null): Promise<void> {
    try {
      for await (const chunk of from) {
        await this.#hold();
        const passes = look(chunk as Buffer);
        const part = passes === null ? (chunk as Buffer) : (chunk as Buffer).subarray(0, passes);
        if (part.length > 0 && !to.write(part)) await once(to, 'drain');
        if (passes === null) continue;
        // What was let through has to arrive: the cut comes after it, as an orderly end of this direction.
        await new Promise<void>((resolve) => to.end(() => resolve()));
        this.#reset(pair);
        return;
      }
      to.end();
    } catch {
      this.#reset(pair);
    }
  }

  async #hold(): Promise<void> {
    if (this.#delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
    while (this.#silent) {
      await new Promise<void>((resolve) => {
        const resume = (): void => {
          this.#waiting.delete(resume);
          resolve();
        };
        this.#waiting.add(resume);
      });
    }
  }

  #reset(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.resetAndDestroy();
    pair.server.destroy();
  }
}
