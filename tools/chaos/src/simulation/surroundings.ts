import type { KeptReport } from '@landfall/data-mover/queue/kept-reports';
import type { ApiWire } from './api-wire.js';
import type { VmResource } from './azure/resources.js';
import type { SimulatedWire } from './azure/transport.js';
import type { DiskContents, DiskFaults } from './contents.js';
import type { Gates } from './gates.js';
import type { Kernel } from './kernel.js';
import type { StateFolder } from './kept-reports.js';
import type { Order } from './orders.js';
import type { MemoryQueues } from './queues.js';
import type { SharedBooks } from './shared-books.js';

/** What the processes of a simulation, services and data-movers, see of the world that they run in. */
export interface Surroundings {
  readonly kernel: Kernel;
  readonly gates: Gates;
  readonly queues: MemoryQueues;
  readonly azure: { readonly subscriptionId: string };
  readonly wire: SimulatedWire;
  readonly shared: SharedBooks;
  readonly contents: DiskContents;
  readonly apis: ApiWire;
  readonly diskFaults: Readonly<DiskFaults>;
  /** Lines of all logs; whoever logs adds to it. */
  readonly logs: string[];

  /** @throws Error when nobody asked for such a restore */
  orderOf(restoreId: string): Order;
  /** The folder in which a data-mover of the pool keeps reports, from one life to the next. */
  poolFolder(number: number): StateFolder;
  /** Whether a disk can be written or read from a VM, or through this SAS. */
  isReachable(diskId: string, from: VmResource | string, what: 'write' | 'read'): boolean;

  /** A data-mover knows of a disk that has failed for good, and will not forget it. */
  found(verdict: KeptReport): void;
  /** Work on a grant has ended with a verdict. Its process may still die before anybody knows. */
  cameTo(verdict: KeptReport): void;
  /** Whoever lives to tell anything of a grant knows what its work has come to, and may not tell something else. */
  tells(mover: string, segmentId: string, epoch: number): void;
  /** Nobody knows of a verdict any more: it went with the disk that it was kept on. */
  forget(verdict: KeptReport): void;
}
