import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { serverSentEvents, type ServerSentEvent } from './server-sent-events.js';

async function read(...chunks: readonly Uint8Array[]): Promise<ServerSentEvent[]> {
  const stream = (async function* () {
    yield* chunks;
  })();
  const events: ServerSentEvent[] = [];
  for await (const event of serverSentEvents(stream)) events.push(event);
  return events;
}

describe('an event stream', () => {
  const text =
    'id: 1\nevent: step.done\ndata: {"a":"für"}\n\n: still here\n\ndata: one\ndata: two\n\nevent: restore\r\ndata:{}\r\n\r\n';
  const expected = [
    { type: 'step.done', data: '{"a":"für"}' },
    { type: 'comment', data: 'still here' },
    { type: 'message', data: 'one\ntwo' },
    { type: 'restore', data: '{}' },
  ];

  it('gives the same messages wherever its bytes are cut', async () => {
    const bytes = Buffer.from(text);
    expect(await read(bytes)).toStrictEqual(expected);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      assert.deepEqual(await read(bytes.subarray(0, cut), bytes.subarray(cut)), expected, `cut at byte ${cut}`);
    }
    expect(await read(...[...bytes].map((byte) => Buffer.from([byte])))).toStrictEqual(expected);
  });

  it('gives nothing for a message that was cut off', async () => {
    expect(await read(Buffer.from('event: restore\ndata: {"half"'))).toStrictEqual([]);
  });
});
