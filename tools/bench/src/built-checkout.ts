import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { PermanentError } from '@landfall/domain';
import { requireEqual } from './compare-files.js';

/** A disk image and the restic repository that it was backed up into. All are paths. */
export interface Backup {
  readonly disk: string;
  readonly repository: string;
  readonly passwordFile: string;
}

interface RestoreView {
  readonly state: string;
  readonly disks: readonly { readonly azureId: string | null }[];
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A build of Landfall with a stack of its own, used as a user does: by its command line. */
export class BuiltCheckout {
  constructor(
    private readonly root: string,
    /** Of the stack; new. */
    private readonly data: string,
  ) {}

  static program(root: string): string {
    return path.join(root, 'apps/cli/dist/main.js');
  }

  /**
   * Starts the stack and restores the one disk of a repository to a new VM.
   * @returns seconds from the request until the VM was there
   * @throws PermanentError `BENCHMARK_FAILED`; Error when the restored disk is not the original
   */
  async restore({ disk, repository, passwordFile }: Backup): Promise<number> {
    await this.#run(['up', '--detach']);
    await this.#run([
      ...['repo', 'add', 'bench', '--kind', 'restic', '--url', repository],
      ...['--password-file', passwordFile],
    ]);
    const [point] = await this.#json<{ readonly id: string }[]>(['point', 'list']);
    const begun = performance.now();
    const restore = await this.#json<RestoreView>([
      ...['restore', '--point', point?.id ?? '', '--to', 'new', '--name', 'bench', '--generation', '1', '--watch'],
    ]);
    const seconds = (performance.now() - begun) / 1_000;
    const [restored] = restore.disks;
    if (restore.state !== 'completed' || !restored?.azureId) {
      throw this.#failed('restore', `it is ${restore.state}: ${restore.error?.message ?? 'no error'}`);
    }
    await requireEqual(disk, (await this.#run(['azure', 'disk-path', restored.azureId])).trim(), true);
    return seconds;
  }

  /** Nothing of it is left afterwards. */
  async down(): Promise<void> {
    await this.#run(['down']);
    await rm(this.data, { recursive: true, force: true });
  }

  async #json<T>(parameters: readonly string[]): Promise<T> {
    return JSON.parse(await this.#run([...parameters, '--json'])) as T;
  }

  #run(parameters: readonly string[]): Promise<string> {
    const program = BuiltCheckout.program(this.root);
    // Servers of the caller's own would be shared by both builds.
    const { DATABASE_URL: _, REDIS_URL: __, ...env } = process.env;
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [program, ...parameters, '--data', this.data],
        { env, maxBuffer: 16 << 20 },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else reject(this.#failed(parameters.join(' '), `${stderr.trim()} ${stdout.trim()}`.trim()));
        },
      );
    });
  }

  #failed(command: string, why: string): PermanentError {
    return new PermanentError({
      code: 'BENCHMARK_FAILED',
      message: `"landfall ${command}" of the build in ${this.root} has failed: ${why}`,
      fix: 'Call it by hand there; a benchmark is of no use before it works.',
    });
  }
}
