import { ModernFakeTimers } from '@jest/fake-timers';
import type { Jest } from '@jest/environment';
import type { Config } from '@jest/types';
import { ModuleMocker } from 'jest-mock';

/*
 * What `@jest/globals` is in the process of a test file. Of Jest's mocks there are those of functions and timers; modules are
 * never replaced: what a test wants otherwise it hands in.
 */
export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from 'jest-circus';
export { jestExpect as expect } from '@jest/expect';

const mocker = new ModuleMocker(globalThis);
const timers = new ModernFakeTimers({
  global: globalThis,
  config: { fakeTimers: { enableGlobally: false }, rootDir: process.cwd() } as Config.ProjectConfig,
});

export const jest: Pick<
  Jest,
  'fn' | 'spyOn' | 'restoreAllMocks' | 'useFakeTimers' | 'useRealTimers' | 'advanceTimersByTime'
> = {
  fn: mocker.fn.bind(mocker),
  spyOn: mocker.spyOn.bind(mocker),
  restoreAllMocks() {
    mocker.restoreAllMocks();
    return jest as Jest;
  },
  useFakeTimers(config) {
    timers.useFakeTimers(config as Config.FakeTimersConfig);
    return jest as Jest;
  },
  useRealTimers() {
    timers.useRealTimers();
    return jest as Jest;
  },
  advanceTimersByTime(milliseconds) {
    timers.advanceTimersByTime(milliseconds);
  },
};
