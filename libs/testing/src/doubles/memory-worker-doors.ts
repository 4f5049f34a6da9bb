import { RetryableError, type WorkerDoors } from '@landfall/domain';

/** Doors in memory. */
export class MemoryWorkerDoors implements WorkerDoors {
  /** Workers that have a door. */
  readonly open = new Set<string>();
  /** In the order in which they were shut. */
  readonly shutOnes: string[] = [];
  /** Redis does not answer. */
  away = false;

  async shut(workerId: string): Promise<void> {
    this.#assertThere();
    this.shutOnes.push(workerId);
    this.open.delete(workerId);
  }

  async present(): Promise<readonly string[]> {
    this.#assertThere();
    return [...this.open];
  }

  #assertThere(): void {
    if (!this.away) return;
    throw new RetryableError({ code: 'REDIS_UNREACHABLE', message: 'It does not answer.', fix: 'Start it.' });
  }
}
