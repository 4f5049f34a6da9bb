import type { Direction, LockedRestore } from '@landfall/domain';
import type { z } from 'zod';

/*
 * What the machine has to know of works: it moves those of any table, and finds in it whose each is and which one follows.
 */
export type ServiceName = 'planner' | 'provisioner' | 'finalizer';

export interface WorkRow {
  readonly id: string;
  /** Also the name of the queue on which its jobs travel. */
  readonly service: ServiceName;
  /** What it has to hand on to be done. */
  readonly output: z.ZodType;
  /** What the history says when it begins; null: it is a step, and its name says it. */
  readonly begins: string | null;
  /** Whether a person has to have approved the plan before it is run for the first time. Left out: nobody is asked. */
  readonly needsApproval?: boolean;
  /**
   * Whether its handler puts something back before a person is asked. Then attempts that are used up end nothing: it is run until
   * it says so itself, because a process that has died in it can't have done so. Left out: no.
   */
  readonly putsBack?: boolean;
  /** Opened only when somebody asks for it. Left out: whenever the restore comes to its direction. */
  readonly onRequest?: boolean;
  /** Whether it is to be done. Asked when its turn comes; else it is skipped. */
  when(restore: LockedRestore): boolean;
}

/** In their order. No two rows have the same id. */
export type WorkTable = Readonly<Record<Direction, readonly WorkRow[]>>;

export function rowOf(table: WorkTable, id: string): WorkRow | undefined {
  return [...table.forward, ...table.back, ...table.after].find((row) => row.id === id);
}
