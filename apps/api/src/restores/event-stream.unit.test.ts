import { describe, expect, it } from '@jest/globals';
import type { Restore, RestoreEvent, RestoreState } from '@landfall/domain';
import { followRestore } from './event-stream.js';

const FAST = { turnMs: 1, heartbeatMs: 5 };

describe('the stream of a restore', () => {
  it('sends every event once and in order, the view after each change, and ends when the restore has settled', async () => {
    const books = scripted([
      { state: 'planning', events: [event(1, 'restore.planning')] },
      { state: 'running', events: [event(2, 'restore.running'), event(3, 'step.done')] },
      { state: 'running', events: [] },
      { state: 'completed', events: [event(4, 'restore.completed')] },
    ]);
    const messages = (await collect(books)).filter((message) => !message.startsWith(':'));
    expect(messages.map(headline)).toStrictEqual([
      '1 restore.planning',
      'restore planning',
      '2 restore.running',
      '3 step.done',
      'restore running',
      '4 restore.completed',
      'restore completed',
    ]);
  });

  it('leaves out no event that is written while the end is being read', async () => {
    const books = scripted([
      { state: 'completed', events: [event(1, 'step.done')] },
      { state: 'completed', events: [event(2, 'restore.completed')] },
    ]);
    expect((await collect(books)).map(headline)).toStrictEqual([
      '1 step.done',
      '2 restore.completed',
      'restore completed',
    ]);
  });

  it('goes on after the last event that the watcher has', async () => {
    const books = scripted([{ state: 'completed', events: [event(1, 'a'), event(2, 'b'), event(3, 'c')] }]);
    expect((await collect(books, 2)).map(headline)).toStrictEqual(['3 c', 'restore completed']);
  });

  it('reads more events than fit in one go', async () => {
    const many = Array.from({ length: 1_201 }, (_, index) => event(index + 1, 'segment.done'));
    const messages = await collect(scripted([{ state: 'completed', events: many }]));
    expect(messages.length).toBe(1_202);
    expect(messages.at(-2)?.split('\n')[0]).toBe('id: 1201');
  });

  it('sends a comment while nothing happens', async () => {
    const quiet = Array.from({ length: 20 }, () => ({ state: 'running' as const, events: [] }));
    const messages = await collect(scripted([...quiet, { state: 'failed', events: [] }]));
    expect(messages.filter((message) => message === ': still here\n\n').length).toBeGreaterThanOrEqual(2);
  });

  it('ends at once when the watcher has gone', async () => {
    const gone = new AbortController();
    const books = scripted([{ state: 'running', events: [] }]);
    const stream = followRestore({
      books,
      restoreId: 'r1',
      after: 0,
      signal: gone.signal,
      pace: { turnMs: 60_000, heartbeatMs: 60_000 },
    });
    await stream.next();
    const rest = stream.next();
    gone.abort();
    expect(await rest).toStrictEqual({ done: true, value: undefined });
  });

  it('keeps every message on lines of its own, whatever an event says', async () => {
    const wild = { ...event(1, 'odd\ntype'), message: 'two\nlines\r\n\r\nid: 99' };
    const [message] = await collect(scripted([{ state: 'completed', events: [wild] }]));
    expect(message ?? '').toMatch(/^id: 1\nevent: odd type\ndata: \{.*\}\n\n$/);
  });
});

/** Books in which a new scene has begun each time their events are looked at; the last scene stays. */
function scripted(scenes: readonly { state: RestoreState; events: readonly RestoreEvent[] }[]) {
  let scene = -1;
  return {
    restore: async () => restoreIn(scenes[scene]!.state),
    events: async (_id: string, after = 0, limit = 1_000) => {
      scene = Math.min(scene + 1, scenes.length - 1);
      return scenes
        .slice(0, scene + 1)
        .flatMap((one) => one.events)
        .filter((one) => one.sequence > after)
        .slice(0, limit);
    },
  };
}

async function collect(books: ReturnType<typeof scripted>, after = 0): Promise<string[]> {
  const messages: string[] = [];
  const { signal } = new AbortController();
  for await (const message of followRestore({ books, restoreId: 'r1', after, signal, pace: FAST }))
    messages.push(message);
  return messages;
}

function headline(message: string): string {
  const id = /^id: (\d+)$/m.exec(message)?.[1];
  const type = /^event: (.*)$/m.exec(message)?.[1];
  const data = JSON.parse(/^data: (.*)$/m.exec(message)?.[1] ?? '{}') as { state?: string };
  return type === 'restore' ? `restore ${data.state}` : `${id} ${type}`;
}

function event(sequence: number, type: string): RestoreEvent {
  return { sequence, restoreId: 'r1', at: new Date(0), type, message: type, data: {} };
}

function restoreIn(state: RestoreState): Restore {
  return {
    id: 'r1',
    state,
    epoch: 0,
    request: {
      restorePointId: 'rp-1',
      destination: { kind: 'new' },
      generation: 'auto',
      disksOnly: false,
      excludeDisks: [],
      transfer: 'worker',
      verify: 'sampled',
      archivePriority: 'standard',
      powerOn: true,
      isolated: false,
      bootCheck: 'none',
    },
    plan: null,
    planHash: null,
    cutOverAt: null,
    works: [],
    turn: null,
    disks: [],
    vmAzureId: null,
    problems: [],
    error: null,
    requestedBy: 'somebody',
    createdAt: new Date(0),
    endedAt: null,
  };
}
