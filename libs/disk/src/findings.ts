import { DISK_FINDINGS, type DiskFinding } from '@landfall/domain';
import type { InspectionProblem } from './inspection.js';

/** Collects what is odd on the way; `problem` never ends an inspection. */
export class Findings {
  readonly #problems: InspectionProblem[] = [];

  problem(code: DiskFinding, message: string, fix: string): void {
    // A hostile image could have thousands of them; a person reads the first few.
    if (this.#problems.length < MOST_PROBLEMS)
      this.#problems.push({ severity: DISK_FINDINGS[code], code, message, fix });
  }

  all(): readonly InspectionProblem[] {
    return this.#problems;
  }
}

const MOST_PROBLEMS = 100;
