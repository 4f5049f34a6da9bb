import { describe, expect, it } from '@jest/globals';
import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/*
 * What Node makes is of other classes than what is made in a test's own context. The program must not be able to tell, or
 * it would be another one in its tests.
 */
const caught = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe('errors of Node itself', () => {
  it('are errors: of the file system, called either way', async () => {
    expect((await caught(readFile('/nowhere'))) instanceof Error).toBe(true);
    expect(() => readFileSync('/nowhere')).toThrow(Error);
    expect(await caught(Promise.resolve().then(() => readFileSync('/nowhere')))).toBeInstanceOf(Error);
  });

  it('are errors: of a connection, of an address, and of something that was called off', async () => {
    const refused = await new Promise((resolve) => connect(1, '127.0.0.1').once('error', resolve));
    expect(refused).toBeInstanceOf(Error);
    const wrong = await caught(Promise.resolve().then(() => new URL('no address')));
    expect([wrong instanceof TypeError, wrong instanceof Error]).toStrictEqual([true, true]);
    expect(await caught(pause(1_000, undefined, { signal: AbortSignal.abort() }))).toBeInstanceOf(Error);
    expect(AbortSignal.abort().reason).toBeInstanceOf(Error);
  });

  it('are of their own kind, and of no class of the program', async () => {
    class OwnError extends Error {}
    const missing = await caught(readFile('/nowhere'));
    expect([missing instanceof TypeError, missing instanceof OwnError]).toStrictEqual([false, false]);
    expect([new OwnError() instanceof OwnError, new OwnError() instanceof Error]).toStrictEqual([true, true]);
    expect([{ name: 'Error', message: 'm' } instanceof Error, new Error('m') instanceof TypeError]).toStrictEqual([
      false,
      false,
    ]);
  });
});

describe('other things of Node’s', () => {
  it('are dates, promises and bytes like those that are made here', () => {
    expect(statSync('/').mtime).toBeInstanceOf(Date);
    expect(readFile('/dev/null')).toBeInstanceOf(Promise);
    expect(readFileSync('/dev/null')).toBeInstanceOf(Uint8Array);
    expect(Buffer.from(new Uint8Array([1, 2]))).toStrictEqual(Buffer.from([1, 2]));
  });

  it('are made of the classes of whoever clones something', () => {
    const made = { list: [1], map: new Map([['a', new Date(0)]]), bytes: new Uint8Array([1]), none: undefined };
    const clone = structuredClone(made);
    expect(clone).toStrictEqual(made);
    expect(clone).not.toBe(made);
    expect(Object.getPrototypeOf(clone)).toBe(Object.prototype);
    expect(() => structuredClone(() => undefined)).toThrow(/could not be cloned/);
  });
});
