import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { keyOf } from '../arm/resource-id.js';
import type { State } from '../state/state.js';
import { fits, strikes, type Fault, type FaultKind, type FaultRecord, type FaultTarget, type FAULT } from './fault.js';
import type { z } from 'zod';

/*
 * The faults that are switched on, oldest first. Something that happens is offered to them in that order: each one that
 * it fits counts it, and the first whose turn it is strikes; those after it never see it, as if Azure had failed
 * before it came to them. Counters are kept with the state, so a restart goes on counting.
 */
export class Faults {
  private readonly request = new AsyncLocalStorage<readonly string[]>();

  constructor(
    private readonly state: State,
    private readonly now: () => Date,
  ) {}

  list(): readonly Fault[] {
    return this.state.all('faults').map(shown);
  }

  add(wish: z.infer<typeof FAULT>): Fault {
    const fault: FaultRecord = {
      ...wish,
      id: randomUUID().slice(0, 8),
      matched: 0,
      fired: 0,
      createdAt: this.now().toISOString(),
      lastFiredAt: null,
      hidden: {},
    };
    this.keep([fault]);
    return shown(fault);
  }

  /** Switches one off, or all of them; gives those that were on. What they have struck already stays struck. */
  clear(id?: string): readonly Fault[] {
    const cleared = this.state.all('faults').filter((fault) => id === undefined || fault.id === id);
    this.state.commit(cleared.map((fault) => ({ table: 'faults', key: fault.id, value: null })));
    return cleared.map(shown);
  }

  /** Runs `work` as part of a request, so that what begins in it is known by the request's names, too. */
  during<T>(requestNames: readonly string[], work: () => T): T {
    return this.request.run(requestNames, work);
  }

  /** The fault of one of these kinds that strikes now, if any does. */
  strike(kinds: FaultKind | readonly FaultKind[], target: FaultTarget): Fault | null {
    if (this.state.count('faults') === 0) return null;
    const whole = { ...target, operations: [...target.operations, ...(this.request.getStore() ?? [])] };
    const counted: FaultRecord[] = [];
    for (const fault of this.state.all('faults')) {
      if (!kinds.includes(fault.kind) || !fits(fault, whole)) continue;
      const matched = fault.matched + 1;
      const isHit = strikes(fault.when, matched);
      counted.push({
        ...fault,
        matched,
        ...(isHit ? { fired: fault.fired + 1, lastFiredAt: this.now().toISOString() } : {}),
      });
      if (isHit) break;
    }
    this.keep(counted);
    const last = counted.at(-1);
    return last !== undefined && strikes(last.when, last.matched) ? shown(last) : null;
  }

  /** From now on the resource is not found, for as long as the fault lasts. */
  hide(faultId: string, resourceId: string, seconds: number): void {
    const fault = this.state.get('faults', faultId);
    if (fault === undefined) return;
    const now = this.now().getTime();
    const lasting = Object.entries(fault.hidden).filter(([, until]) => until > now);
    this.keep([{ ...fault, hidden: { ...Object.fromEntries(lasting), [keyOf(resourceId)]: now + seconds * 1000 } }]);
  }

  isHidden(resourceId: string): boolean {
    const now = this.now().getTime();
    return this.state.all('faults').some((fault) => (fault.hidden[keyOf(resourceId)] ?? 0) > now);
  }

  private keep(faults: readonly FaultRecord[]): void {
    this.state.commit(faults.map((fault) => ({ table: 'faults', key: fault.id, value: fault })));
  }
}

function shown({ hidden, ...fault }: FaultRecord): Fault {
  void hidden;
  return fault;
}
