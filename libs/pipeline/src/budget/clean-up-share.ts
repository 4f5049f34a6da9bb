import { AsyncLocalStorage } from 'node:async_hooks';

const cleaning = new AsyncLocalStorage<boolean>();

/** Whatever this asks of Azure may also be taken from the share that is kept for clean-ups. */
export function duringCleanUp<T>(work: () => Promise<T>): Promise<T> {
  return cleaning.run(true, work);
}

export function isCleaningUp(): boolean {
  return cleaning.getStore() ?? false;
}
