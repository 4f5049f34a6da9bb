import { open, type FileHandle } from 'node:fs/promises';

/*
 * Open files of disks that are being read or written through a SAS. A revocation waits until the requests that had
 * begun have ended, so that no write lands after it; those that begin later are refused before they get here.
 */
export class Transfers {
  private readonly files = new Map<string, Promise<FileHandle>>();
  private readonly inFlight = new Map<string, Set<Promise<unknown>>>();

  async use<T>(grant: string, path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = this.files.get(grant) ?? open(path, 'r+');
    this.files.set(grant, file);
    const running = file.then(work);
    const requests = this.inFlight.get(grant) ?? new Set();
    this.inFlight.set(grant, requests.add(running));
    file.catch(() => this.files.delete(grant));
    try {
      return await running;
    } finally {
      requests.delete(running);
    }
  }

  /** Waits for the requests under way, and closes the file. */
  async end(grant: string): Promise<void> {
    await Promise.allSettled(this.inFlight.get(grant) ?? []);
    this.inFlight.delete(grant);
    const file = this.files.get(grant);
    this.files.delete(grant);
    if (file !== undefined) await file.then((handle) => handle.close()).catch(() => undefined);
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.files.keys()].map((grant) => this.end(grant)));
  }
}
