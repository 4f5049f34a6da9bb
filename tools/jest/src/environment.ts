import { types } from 'node:util';
import { MessageChannel, moveMessagePortToContext, receiveMessageOnPort } from 'node:worker_threads';
import type { Circus } from '@jest/types';
import { TestEnvironment } from 'jest-environment-node';

/*
 * Jest gives each test file a global object of its own, and with it its own `Error`, `Map` and so on. What Node itself makes
 * is still of the first one: without more, `error instanceof Error` would be false for an error of the file system, and the
 * program would take other ways in tests than in production. Here the two count as one again.
 */
const SHARED = [
  ...['Error', 'TypeError', 'RangeError', 'SyntaxError', 'ReferenceError', 'EvalError', 'URIError', 'AggregateError'],
  ...['Object', 'Function', 'Array', 'Map', 'Set', 'Date', 'RegExp', 'Promise'],
] as const;

// A worker of Jest's whose run was called off ends too, in the middle of whatever test it is at.
process.once('disconnect', () => process.exit(1));

type Class = abstract new (...parameters: never[]) => unknown;

export default class Environment extends TestEnvironment {
  #channel: MessageChannel | null = null;

  override async setup(): Promise<void> {
    await super.setup();
    const { global } = this;
    for (const name of SHARED) recogniseBoth(global[name] as Class, globalThis[name] as Class);
    this.#cloneIntoThisContext();
  }

  override async teardown(): Promise<void> {
    this.#channel?.port1.close();
    await super.teardown();
  }

  /** A test that calls `skip` counts as skipped, and its error stays with it as the reason. */
  handleTestEvent(event: Circus.Event): void {
    if (event.name !== 'test_done') return;
    const [error] = event.test.errors;
    const thrown = (Array.isArray(error) ? error[0] : error) as Error | undefined;
    if (thrown?.name === 'Skipped') event.test.status = 'skip';
  }

  /** A clone is made of the classes of whoever asks for it: a message is, when its port has been moved. */
  #cloneIntoThisContext(): void {
    const context = this.getVmContext();
    if (context === null) return;
    const channel = new MessageChannel();
    const arriving = moveMessagePortToContext(channel.port2, context);
    this.#channel = channel;
    this.global.structuredClone = <T>(value: T, options?: Parameters<typeof structuredClone>[1]): T => {
      channel.port1.postMessage(value, options?.transfer as never);
      return receiveMessageOnPort(arriving)?.message as T;
    };
  }
}

/** `inner` itself takes instances of `outer` for its own; classes that are derived from it do not. */
function recogniseBoth(inner: Class, outer: Class): void {
  const ordinary = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(inner, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (ordinary.call(this as never, value)) return true;
      return this === inner && (value instanceof outer || (outer === Error && types.isNativeError(value)));
    },
  });
}
