import type { KeptReport, ReportStore } from '@landfall/data-mover/queue/kept-reports';
import { isVerdict } from '@landfall/data-mover/queue/kept-reports';
import type { Gates } from './gates.js';

/** A state folder: it outlives the data-movers that share it, and goes with their VM. */
export class StateFolder {
  readonly #kept = new Map<string, KeptReport>();

  /** Those that were never answered. */
  get verdicts(): readonly KeptReport[] {
    return [...this.#kept.values()].filter(({ report }) => isVerdict(report));
  }

  as(gates: Gates, onVerdict: (kept: KeptReport) => void): ReportStore {
    return {
      keep: (kept) =>
        gates.call(`keep the report on ${kept.segmentId}`, () => {
          this.#kept.set(keyOf(kept), kept);
          if (isVerdict(kept.report)) onVerdict(kept);
        }),
      strike: (kept) => gates.call(`strike the report on ${kept.segmentId}`, () => void this.#kept.delete(keyOf(kept))),
      left: (isWanted) =>
        gates.call('look for reports that were left', () =>
          [...this.#kept.values()].filter(({ report }) => isVerdict(report) || isWanted(report.mover)),
        ),
    };
  }
}

function keyOf({ segmentId, report }: KeptReport): string {
  return `${segmentId} ${report.epoch}`;
}
