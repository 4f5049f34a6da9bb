import type { Problem, ProblemCode } from '../problems.js';

/** Collects what is wrong while a plan is decided; the plan goes on, so that a person sees everything at once. */
export class FoundProblems {
  readonly #problems: Problem[] = [];

  error(code: ProblemCode, message: string, fix: string): void {
    this.#problems.push({ severity: 'error', code, message, fix });
  }

  warning(code: ProblemCode, message: string, fix: string): void {
    this.#problems.push({ severity: 'warning', code, message, fix });
  }

  take(problems: readonly Problem[]): void {
    this.#problems.push(...problems);
  }

  /** Errors first, otherwise in the order in which they were found. */
  all(): readonly Problem[] {
    const errors = this.#problems.filter((problem) => problem.severity === 'error');
    return [...errors, ...this.#problems.filter((problem) => problem.severity === 'warning')];
  }
}
