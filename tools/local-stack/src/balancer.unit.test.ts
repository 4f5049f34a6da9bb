import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Balancer } from './balancer.js';

/** Answers each request with its name; with `hold` it takes the request and says no more. */
async function serve(name: string, port = 0): Promise<Server> {
  const server = createServer((asked, answer) => {
    if (asked.url === '/hold') answer.write('…');
    else answer.end(name);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function end(...servers: Server[]): Promise<void> {
  for (const server of servers) {
    if (!server.listening) continue;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }
}

/** Over a connection of its own. */
function ask(port: number, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: new Agent({ keepAlive: false }) }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (path === '/hold') resolve(text);
      });
      answer.once('end', () => resolve(text));
      answer.once('error', reject);
    });
    asked.once('error', reject);
    asked.end();
  });
}

describe('one address in front of two processes', () => {
  it('spreads connections over both', async () => {
    const [one, two] = [await serve('one'), await serve('two')];
    const balancer = await Balancer.listen(0, [portOf(one), portOf(two)]);
    try {
      const heard = [];
      for (let asked = 0; asked < 4; asked += 1) heard.push(await ask(balancer.port));
      expect(heard).toStrictEqual(['one', 'two', 'one', 'two']);
    } finally {
      await balancer.close();
      await end(one, two);
    }
  });

  it('goes to the other when one is gone, and to both again once it has come back', async () => {
    const [one, two] = [await serve('one'), await serve('two')];
    const ports = [portOf(one), portOf(two)];
    const balancer = await Balancer.listen(0, ports);
    let back: Server | null = null;
    try {
      await end(one);
      expect([await ask(balancer.port), await ask(balancer.port)]).toStrictEqual(['two', 'two']);
      back = await serve('one again', ports[0]);
      const heard = [await ask(balancer.port), await ask(balancer.port)];
      expect(heard.sort()).toStrictEqual(['one again', 'two']);
    } finally {
      await balancer.close();
      await end(two, ...(back === null ? [] : [back]));
    }
  });

  it('ends a connection with the process behind it', async () => {
    const one = await serve('one');
    const balancer = await Balancer.listen(0, [portOf(one)]);
    try {
      const ended = new Promise<string>((resolve) => {
        const asked = request({ host: '127.0.0.1', port: balancer.port, path: '/hold' }, (answer) => {
          answer.once('data', () => one.closeAllConnections());
          answer.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
          answer.once('end', () => resolve('an orderly end'));
        });
        asked.end();
      });
      expect(await ended).toBe('ECONNRESET');
    } finally {
      await balancer.close();
      await end(one);
    }
  });

  it('resets whoever comes while neither is there, and all that is open at its own end', async () => {
    const one = await serve('one');
    const balancer = await Balancer.listen(0, [portOf(one)]);
    try {
      await ask(balancer.port, '/hold');
      await end(one);
      await expect(ask(balancer.port)).rejects.toMatchObject({ code: 'ECONNRESET' });
    } finally {
      await balancer.close();
    }
    await expect(ask(balancer.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
