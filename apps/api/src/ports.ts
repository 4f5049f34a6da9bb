import type {
  ApiTokens,
  AuditLog,
  CaptureBooks,
  Catalogue,
  DiskAccesses,
  IdempotencyKeys,
  Leases,
  PointSurveys,
  RestoreBooks,
  Retrievals,
  SecretBox,
  WorkerDoors,
  WorkerRegistry,
} from '@landfall/domain';
import type { Logger, Metrics } from '@landfall/observability';
import type { ReadinessCheck } from '@landfall/service/health';
import type { DoorKeeper } from '@landfall/pipeline';
import type { Queue } from 'bullmq';

/** For Nest's injection: `@Inject(PORTS) ports: ApiPorts`. */
export const PORTS = Symbol('ports');

/** Everything outside this process that the API talks to; tests put doubles here. */
export interface ApiPorts {
  readonly books: RestoreBooks;
  readonly captures: CaptureBooks;
  readonly catalogue: Catalogue;
  readonly workers: WorkerRegistry;
  readonly tokens: ApiTokens;
  readonly idempotency: IdempotencyKeys;
  readonly audit: AuditLog;
  /** Whether people may approve what they have asked for themselves. */
  readonly selfApproval: boolean;
  readonly diskAccesses: DiskAccesses;
  readonly leases: Leases;
  readonly secrets: SecretBox;
  readonly planner: PlannerQuestions;
  readonly finalizer: FinalizerQuestions;
  readonly blobs: BlobGrants;
  readonly retrievals: Pick<Retrievals, 'url'>;
  readonly surveys: Pick<PointSurveys, 'inspection'>;
  /** Of the queues that data-movers take their work from. */
  readonly moverQueues: MoverQueues;
  /** What data-movers come to their queue by. */
  readonly doors: MoverDoors;
  /** The queues as they are now, for the dashboard and the metrics. */
  queues(): Promise<readonly Queue[]>;
  readonly checks: readonly ReadinessCheck[];
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Questions that the planner answers through its queue, because only services read repositories and Azure. */
export interface PlannerQuestions {
  /**
   * @returns the plan, as the planner put it
   * @throws LandfallError what the planner could not do; RetryableError `PLANNER_SILENT` when it does not answer in time
   */
  dryRun(request: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** @returns what `SCAN_RESULT` describes. Throws as `dryRun` does. */
  scan(repositoryName: string): Promise<unknown>;
  /** @returns a list of what `DAMAGED_RANGE` describes. Throws as `dryRun` does. */
  damage(restoreId: string): Promise<unknown>;
}

/** Questions that the finalizer answers through its queue, because it alone removes things in Azure. */
export interface FinalizerQuestions {
  /** @returns what `ORPHANS` describes. @throws as `dryRun` does */
  orphans(): Promise<unknown>;
  /** @returns what `REMOVED_ORPHANS` describes. @throws as `dryRun` does: what was begun goes on then */
  removeOrphans(azureIds: readonly string[]): Promise<unknown>;
}

export interface BlobGrants {
  /** A container's URL with a SAS that may list and read it for so long. A credential: never log it. */
  containerReadUrl(location: { account: string; container: string; prefix: string }, seconds: number): Promise<string>;
}

export type MoverDoors = Pick<DoorKeeper, 'assertAvailable' | 'open'> & Pick<WorkerDoors, 'shut'>;

export interface MoverQueues {
  readonly queuePrefix: string;
  /** Jobs that one data-mover may have in hand at once. */
  readonly concurrency: number;
  /** For how long a data-mover may write without having renewed its lease. */
  readonly leaseSeconds: number;
}
