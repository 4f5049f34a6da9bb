import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { RestError } from '@azure/arm-compute';
import { PermanentError, type CallIntent } from '@landfall/domain';
import { CrashingJournal, MemoryJournal, SimulatedCrash } from '@landfall/testing';
import { perform, type Change, type Finding } from './perform.js';
import type { Poller } from './polling.js';

/** One thing in Azure that is made by one call, as slowly and unreliably as a test wants it. */
class OneThing {
  state: 'absent' | 'making' | 'there' = 'absent';
  calls = 0;
  resumed = 0;
  polls = 0;
  /** What the call ends in after it had its effect, or before. */
  answer: 'fine' | 'lost' | Error = 'fine';
  operation: 'succeeds' | 'fails' | 'is-forgotten' = 'succeeds';
  readonly status: Record<string, unknown> = {};

  change(): Change<string> {
    return {
      doing: 'make the thing',
      intent: INTENT,
      look: async (): Promise<Finding<string>> => {
        if (this.state === 'there') return { state: 'done', value: 'the thing' };
        if (this.state === 'making') {
          this.state = 'there';
          return { state: 'busy' };
        }
        return { state: 'needed' };
      },
      send: () => this.#send(),
      resume: () => {
        this.resumed++;
        return this.#poller(Promise.resolve());
      },
    };
  }

  performer(journal: MemoryJournal | CrashingJournal, signal?: AbortSignal) {
    return { connection: { get: async () => this.status, advisedWait: () => 0 }, journal, signal };
  }

  #send(): Poller {
    this.calls++;
    const { answer } = this;
    this.answer = 'fine';
    if (answer instanceof Error) return this.#poller(Promise.reject(answer));
    if (this.operation !== 'fails') this.state = 'making';
    if (answer === 'lost') {
      return this.#poller(Promise.reject(new RestError('socket hang up', { code: 'ECONNRESET' })));
    }
    return this.#poller(Promise.resolve());
  }

  #poller(started: Promise<void>): Poller {
    started.catch(() => undefined);
    let isDone = false;
    return {
      get isDone() {
        return isDone;
      },
      result: undefined,
      submitted: () => started,
      serialize: async () =>
        JSON.stringify({ state: { status: 'running', result: 'secret', config: { operationLocation: 'https://op' } } }),
      poll: async () => {
        this.polls++;
        if (this.operation === 'fails') throw new Error('The long-running operation has failed');
        if (this.operation === 'is-forgotten') throw new RestError('gone', { statusCode: 404 });
        this.state = 'there';
        isDone = true;
      },
    };
  }
}

const INTENT: CallIntent = {
  key: 'thing.make:one',
  operation: 'things.make',
  azureId: '/things/one',
  bodyHash: 'hash',
  effect: { creates: { kind: 'disk', role: 'disk', purpose: 'result' } },
};

describe('a change of Azure', () => {
  it('is written down before it is made, while it is made, and afterwards', async () => {
    const thing = new OneThing();
    const journal = new MemoryJournal('r1');
    expect(await perform(thing.change(), thing.performer(journal))).toBe('the thing');
    expect(thing.calls).toBe(1);
    expect(journal.entry(INTENT.key)?.state).toBe('succeeded');
    expect(journal.ledger.map((entry) => [entry.azureId, entry.state])).toStrictEqual([['/things/one', 'created']]);
  });

  it('is not made when what it makes is there', async () => {
    const thing = new OneThing();
    thing.state = 'there';
    await perform(thing.change(), thing.performer(new MemoryJournal('r1')));
    expect(thing.calls).toBe(0);
  });

  it('happens once, whatever the boundary at which the process dies', async () => {
    let crashes = 0;
    for (let boundary = 0; boundary < 100; boundary++) {
      const thing = new OneThing();
      const books = new MemoryJournal('r1');
      const crashed = await perform(thing.change(), thing.performer(new CrashingJournal(books, boundary))).then(
        () => false,
        (error: unknown) => {
          expect(error).toBeInstanceOf(SimulatedCrash);
          return true;
        },
      );
      if (!crashed) break;
      crashes++;
      await perform(thing.change(), thing.performer(books));
      assert.equal(thing.calls, 1, `boundary ${boundary}`);
      expect(books.entry(INTENT.key)?.state).toBe('succeeded');
      expect(books.ledger[0]?.state).toBe('created');
    }
    assert.equal(crashes, 6, 'before and after begin, submitted and succeeded');
  });

  it('goes on waiting for the operation that an earlier try began', async () => {
    const thing = new OneThing();
    const journal = new MemoryJournal('r1');
    await journal.begin(INTENT);
    await journal.submitted(INTENT.key, '{"state":{"config":{}}}');
    await perform(thing.change(), thing.performer(journal));
    expect([thing.calls, thing.resumed]).toStrictEqual([0, 1]);
  });

  describe('that was asked for otherwise before a setting was changed', () => {
    const underWay = async () => {
      const journal = new MemoryJournal('r1');
      await journal.begin({ ...INTENT, bodyHash: 'as it was set before' });
      await journal.submitted(INTENT.key, '{"state":{"config":{}}}');
      return journal;
    };

    it('is followed to its end, and adopted', async () => {
      const thing = new OneThing();
      const journal = await underWay();
      expect(await perform(thing.change(), thing.performer(journal))).toBe('the thing');
      expect([thing.calls, thing.resumed]).toStrictEqual([0, 1]);
      expect(journal.entry(INTENT.key)?.state).toBe('succeeded');
    });

    it('is made as it is wanted now when that has failed', async () => {
      const thing = new OneThing();
      const change = thing.change();
      thing.operation = 'fails';
      const mended: Change<string> = {
        ...change,
        send: () => {
          thing.operation = 'succeeds';
          return change.send();
        },
      };
      const journal = await underWay();
      expect(await perform(mended, thing.performer(journal))).toBe('the thing');
      expect([thing.calls, thing.resumed]).toStrictEqual([1, 1]);
      expect(await journal.begin(INTENT)).toStrictEqual({ state: 'succeeded', pollerState: null });
    });

    it('is left alone when what has come of it is not ours', async () => {
      const thing = new OneThing();
      const foreign = new PermanentError({ code: 'RESOURCE_FOREIGN', message: 'Not ours.', fix: 'Leave it.' });
      const change: Change<string> = { ...thing.change(), look: () => Promise.reject(foreign) };
      await expect(perform(change, thing.performer(await underWay()))).rejects.toMatchObject({
        code: 'RESOURCE_FOREIGN',
      });
      expect(thing.calls).toBe(0);
    });

    it('is waited for again when its end can’t be learnt now', async () => {
      const thing = new OneThing();
      const away: Change<string> = {
        ...thing.change(),
        resume: () => ({
          ...thing.change().resume(''),
          poll: () => Promise.reject(new RestError('Away.', { statusCode: 503 })),
        }),
      };
      const journal = await underWay();
      await expect(perform(away, thing.performer(journal))).rejects.toMatchObject({ kind: 'retryable' });
      expect(thing.calls).toBe(0);
      expect(journal.entry(INTENT.key)?.state).toBe('submitted');
    });
  });

  it('looks for itself when Azure has forgotten the operation', async () => {
    const thing = new OneThing();
    thing.operation = 'is-forgotten';
    const journal = new MemoryJournal('r1');
    await journal.begin(INTENT);
    await journal.submitted(INTENT.key, '{"state":{"config":{}}}');
    expect(await perform(thing.change(), thing.performer(journal))).toBe('the thing');
  });

  it('keeps no result in the books, because one may be a credential', async () => {
    const thing = new OneThing();
    const books = new MemoryJournal('r1');
    // Dies after `submitted`, the fourth boundary.
    await expect(perform(thing.change(), thing.performer(new CrashingJournal(books, 3)))).rejects.toThrow(
      SimulatedCrash,
    );
    const kept = books.entry(INTENT.key)?.pollerState ?? '';
    expect(JSON.parse(kept)).toStrictEqual({
      state: { status: 'running', config: { operationLocation: 'https://op' } },
    });
  });

  it('has succeeded when the answer was lost and the effect is there', async () => {
    const thing = new OneThing();
    thing.answer = 'lost';
    expect(await perform(thing.change(), thing.performer(new MemoryJournal('r1')))).toBe('the thing');
    expect(thing.calls).toBe(1);
  });

  it('is retried later when the call was lost before it had an effect', async () => {
    const thing = new OneThing();
    thing.answer = new RestError('socket hang up', { code: 'ECONNRESET' });
    const journal = new MemoryJournal('r1');
    await expect(perform(thing.change(), thing.performer(journal))).rejects.toMatchObject({
      code: 'AZURE_UNREACHABLE',
    });
    expect(journal.entry(INTENT.key)?.state).toBe('intended');
    await perform(thing.change(), thing.performer(journal));
    expect(thing.calls).toBe(2);
  });

  it('has failed when Azure refuses for good', async () => {
    const thing = new OneThing();
    thing.answer = new RestError('No.', { statusCode: 409, code: 'SkuNotAvailable' });
    const journal = new MemoryJournal('r1');
    await expect(perform(thing.change(), thing.performer(journal))).rejects.toMatchObject({ code: 'SIZE_UNAVAILABLE' });
    expect(journal.entry(INTENT.key)?.state).toBe('failed');
  });

  it('tells why an operation failed, which the client does not', async () => {
    const thing = new OneThing();
    thing.operation = 'fails';
    Object.assign(thing.status, {
      status: 'Failed',
      error: { code: 'AllocationFailed', message: 'Allocation failed. We have no capacity.' },
    });
    const journal = new MemoryJournal('r1');
    await expect(perform(thing.change(), thing.performer(journal))).rejects.toMatchObject({
      code: 'ALLOCATION_FAILED',
      message: expect.stringMatching(/We have no capacity/),
    });
    expect(journal.entry(INTENT.key)?.state).toBe('failed');
  });

  it('is tried again when something else cancelled the operation', async () => {
    const thing = new OneThing();
    thing.operation = 'fails';
    Object.assign(thing.status, { status: 'Canceled' });
    await expect(perform(thing.change(), thing.performer(new MemoryJournal('r1')))).rejects.toMatchObject({
      code: 'OPERATION_CANCELED',
      kind: 'retryable',
    });
  });

  it('says so when the refusal comes from somebody else having the name', async () => {
    const thing = new OneThing();
    const foreign = new PermanentError({ code: 'RESOURCE_FOREIGN', message: 'Not ours.', fix: 'Leave it.' });
    const change = thing.change();
    let looks = 0;
    const racing: Change<string> = {
      ...change,
      look: () => (looks++ === 0 ? change.look() : Promise.reject(foreign)),
    };
    thing.answer = new RestError('Exists.', { statusCode: 409, code: 'Conflict' });
    await expect(perform(racing, thing.performer(new MemoryJournal('r1')))).rejects.toMatchObject({
      code: 'RESOURCE_FOREIGN',
    });
  });

  it('is looked at again later when Azure speaks of a thing that it does not show yet', async () => {
    const thing = new OneThing();
    thing.answer = new RestError('Changing property is not allowed.', {
      statusCode: 409,
      code: 'PropertyChangeNotAllowed',
    });
    const journal = new MemoryJournal('r1');
    await expect(perform(thing.change(), thing.performer(journal))).rejects.toMatchObject({
      code: 'AZURE_INCONSISTENT',
      kind: 'retryable',
    });
    expect(journal.entry(INTENT.key)?.state).toBe('intended');
    thing.state = 'there';
    expect(await perform(thing.change(), thing.performer(journal))).toBe('the thing');
    expect(thing.calls).toBe(1);
  });

  it('is not begun once its caller has given up', async () => {
    const thing = new OneThing();
    const journal = new MemoryJournal('r1');
    await expect(perform(thing.change(), thing.performer(journal, AbortSignal.abort()))).rejects.toMatchObject({
      code: 'INTERRUPTED',
      kind: 'retryable',
    });
    expect(thing.calls).toBe(0);
  });
});
