/**
 * Moves this process' wall clock. What counts time that has passed (`performance.now`, timers) stays as it is, as on a
 * machine whose clock is set.
 */
export function skewClock(skewMs: () => number): void {
  const RealDate = Date;
  const now = (): number => RealDate.now() + skewMs();
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, parameters: [], asked) =>
      Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, asked) as object,
    apply: () => new RealDate(now()).toString(),
    get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
  });
}
