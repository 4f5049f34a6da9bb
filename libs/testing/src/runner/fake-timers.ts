import { jest } from '@jest/globals';

const FAKEABLE = [
  ...(['Date', 'performance', 'hrtime', 'nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
  ...(['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const),
];
export type Clock = (typeof FAKEABLE)[number];

/** These clocks are the test's until `jest.useRealTimers()`, and go on by `jest.advanceTimersByTime()`; all others are real. */
export function fakeOnly(...clocks: readonly Clock[]): void {
  jest.useFakeTimers({ doNotFake: FAKEABLE.filter((clock) => !clocks.includes(clock)) });
}
