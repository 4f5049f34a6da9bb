import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/*
 * One address of the loopback interface in front of several processes that serve the same thing. Each new connection goes
 * to the next of them, and to the one after it when that one is not there; none is remembered as gone, so that one that
 * comes back has its share at once. A connection ends with the process behind it: whoever holds it opens another one.
 */
export class Balancer {
  readonly #listener: Server;
  readonly #open = new Set<Socket>();
  #next = 0;

  private constructor(private readonly ports: readonly number[]) {
    this.#listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => void this.#accept(client));
  }

  /** @throws Error of `listen` when the port is taken */
  static async listen(port: number, ports: readonly number[]): Promise<Balancer> {
    const balancer = new Balancer(ports);
    balancer.#listener.listen({ host: '127.0.0.1', port });
    await once(balancer.#listener, 'listening');
    return balancer;
  }

  get port(): number {
    const address = this.#listener.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Cuts what is open. */
  async close(): Promise<void> {
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  async #accept(client: Socket): Promise<void> {
    this.#keep(client);
    const server = await this.#connect();
    if (server === null || client.destroyed || !this.#listener.listening) {
      server?.destroy();
      client.resetAndDestroy();
      return;
    }
    this.#keep(server);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.once('error', () => to.resetAndDestroy());
      from.once('close', () => to.destroySoon());
      from.pipe(to);
    }
  }

  /** Null: none of them is there. */
  async #connect(): Promise<Socket | null> {
    for (let tried = 0; tried < this.ports.length; tried += 1) {
      const port = this.ports[this.#next % this.ports.length]!;
      this.#next += 1;
      const socket = await connected(port);
      if (socket !== null) return socket;
    }
    return null;
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#open.delete(socket));
  }
}

function connected(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true });
    socket.once('connect', () => {
      socket.off('error', refused);
      resolve(socket);
    });
    const refused = (): void => resolve(null);
    socket.once('error', refused);
  });
}
