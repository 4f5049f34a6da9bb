import { hasEnded, type Restore } from '@landfall/domain';
import { requestApproval, requestPurge, requestRollback } from '@landfall/pipeline';
import type { Violation } from '@landfall/testing';
import type { Kernel } from './kernel.js';
import type { Random } from './random.js';
import type { SharedBooks } from './shared-books.js';

/*
 * The people around a restore to the original location: whoever has asked for it, and may not approve it; another one, who does so
 * soon, late, or never; and what they want once it is completed.
 */
export interface Intentions {
  /** Milliseconds from the moment that there is a plan; null: nobody approves it. */
  readonly approvesAfterMs: number | null;
  readonly approvalSeconds: number;
  readonly afterwards: readonly Deed[];
}

export type Deed = 'roll-back' | 'purge' | 'roll-back beside a purge';

export function intentionsByChance(random: Random): Intentions {
  const soonOrLate = random.chance(0.85) ? 0 : random.between(5_000, 20 * 60_000);
  return {
    approvesAfterMs: random.chance(0.05) ? null : soonOrLate,
    approvalSeconds: random.pick([7 * 24 * HOUR, 7 * 24 * HOUR, 1.5 * HOUR, 1.2 * HOUR]),
    afterwards: random.pick<readonly Deed[]>([
      ...[[], [], ['roll-back'], ['roll-back'], ['purge'], ['roll-back', 'purge']],
      ['roll-back beside a purge'],
    ] as readonly (readonly Deed[])[])!,
  };
}

/** In seconds. An approval has to be good for an hour longer than the machine is gone. */
const HOUR = 3_600;

const REQUESTER = 'olivia';
const OTHER = 'arthur';

export class People {
  readonly violations: Violation[] = [];
  readonly #left: Deed[];
  #plannedAt: number | null = null;
  #hasApproved = false;
  #isOver = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly shared: SharedBooks,
    private readonly restoreId: string,
    private readonly intentions: Intentions,
  ) {
    this.#left = [...intentions.afterwards];
    const look = async (): Promise<void> => {
      await this.#look();
      kernel.schedule(kernel.random.between(1_000, 5_000), 'people look at a restore', null, look);
    };
    kernel.schedule(1_000, 'people look at a restore', null, look);
  }

  /** Whether it has come to where they want it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  async #look(): Promise<void> {
    const { books } = this.shared;
    const restore = await books.restore(this.restoreId);
    if (restore === null || restore.plan === null) return;
    await this.#approve(restore);
    const purge = restore.works.findLast(({ id }) => id === 'purge');
    const isPurging = purge !== undefined && ['pending', 'running'].includes(purge.state);
    if (purge?.state === 'failed' && hasEnded(restore.state)) await this.#does('purge');
    const [next] = this.#left;
    const wants = next !== undefined && ['completed', 'rolled-back'].includes(restore.state) && !isPurging;
    if (wants) {
      this.#left.shift();
      if (restore.state === 'completed' || next === 'purge') await this.#does(next);
    }
    this.#isOver = hasEnded(restore.state) && !wants && !isPurging && purge?.state !== 'failed';
  }

  async #approve({ state, planHash }: Restore): Promise<void> {
    const { kernel, intentions, restoreId, shared } = this;
    const order = { planHash: planHash ?? '', validSeconds: intentions.approvalSeconds };
    if (this.#plannedAt === null) {
      this.#plannedAt = kernel.now;
      kernel.say(`people: ${JSON.stringify(intentions)}`);
      const isTaken = await said(requestApproval(shared.books, restoreId, REQUESTER, order));
      const what = 'Whoever has asked for a restore has approved it.';
      if (isTaken) this.violations.push({ invariant: 'I2', what, evidence: restoreId });
    }
    const { approvesAfterMs } = intentions;
    if (approvesAfterMs === null || kernel.now < this.#plannedAt + approvesAfterMs) return;
    if (this.#hasApproved && state !== 'awaiting-approval') return;
    const isApproved = await said(requestApproval(shared.books, restoreId, OTHER, order));
    this.#hasApproved ||= isApproved;
    kernel.say(`people: ${restoreId} is ${isApproved ? '' : 'not '}approved`);
  }

  async #does(deed: Deed): Promise<void> {
    const { books } = this.shared;
    const { restoreId, kernel } = this;
    kernel.say(`people: ${deed} of ${restoreId}`);
    const rollBack = () => said(requestRollback(books, restoreId, REQUESTER));
    const purge = () => said(requestPurge(books, restoreId, OTHER, { selfApproval: false }));
    if (deed === 'roll-back') await rollBack();
    else if (deed === 'purge') await purge();
    else if (kernel.random.chance(0.5)) await Promise.all([rollBack(), purge()]);
    else await Promise.all([purge(), rollBack()]);
  }
}

/** Whether what was asked for was taken. */
function said(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(
    () => true,
    () => false,
  );
}
