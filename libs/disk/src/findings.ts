import { DISK_FINDINGS, type DiskFinding } from '@landfall/domain';
import type { InspectionProblem } from './inspection.js';

/** Collects what is odd on the way; `problem` never ends an inspection. */
export class Findings {
  readonly #problems: InspectionProblem[] = [];

  /** @param severity where it is another one than such findings have */
  problem(code: DiskFinding, message: string, fix: string, severity = DISK_FINDINGS[code]): void {
    // A hostile image could have thousands of them; a person reads the first few.
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push({ severity, code, message, fix });
  }

  all(): readonly InspectionProblem[] {
    return this.#problems;
  }
}

const MOST_PROBLEMS = 100;
