import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { PermanentError } from '@landfall/domain';
import { requireEqual } from './compare-files.js';

/** The build that this program is of. */
export const THIS = fileURLToPath(new URL('../../..', import.meta.url));

/** A disk image and the restic repository that it was backed up into. All are paths. */
export interface Backup {
  readonly disk: string;
  readonly repository: string;
  readonly passwordFile: string;
}

/** A restore as the command line prints it. Times are ISO 8601, as the books have them. */
export interface RestoreView {
  readonly state: string;
  readonly createdAt: string;
  readonly endedAt: string | null;
  readonly steps: readonly {
    readonly id: string;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
  }[];
  readonly disks: readonly { readonly azureId: string | null }[];
  readonly error: { readonly code: string; readonly message: string } | null;
}

/**
 * Restores in a row would soon have asked as much of Azure as Landfall asks at most, and then wait for it: the emulated one takes
 * any number of requests, and what is measured is Landfall's own time.
 */
const UNHURRIED_AZURE = Object.fromEntries(
  ['READS', 'WRITES', 'DELETES'].flatMap((kind) =>
    ['', '_PER_SECOND'].map((suffix) => [`LANDFALL_AZURE_${kind}${suffix}`, '100000']),
  ),
);

interface EmulatorOfStack {
  readonly azure: string;
  /** A file. */
  readonly azureCa: string;
  readonly azureToken: string;
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
   * Starts the stack and makes a repository known to it.
   * @returns the id of the repository's restore point
   */
  async start({ repository, passwordFile }: Backup): Promise<string> {
    await this.#run(['up', '--detach']);
    await this.#run([
      ...['repo', 'add', 'bench', '--kind', 'restic', '--url', repository],
      ...['--password-file', passwordFile],
    ]);
    const [point] = await this.#json<{ readonly id: string }[]>(['point', 'list']);
    return point?.id ?? '';
  }

  /**
   * Restores a point to a new VM, and waits for it.
   * @throws PermanentError `BENCHMARK_FAILED`
   */
  async restore(point: string, name: string): Promise<RestoreView> {
    const restore = await this.#json<RestoreView>([
      ...['restore', '--point', point, '--to', 'new', '--name', name, '--generation', '1', '--watch'],
    ]);
    if (restore.state !== 'completed') {
      throw this.#failed('restore', `it is ${restore.state}: ${restore.error?.message ?? 'no error'}`);
    }
    return restore;
  }

  /** Any command of its command line, with what it prints as JSON. @throws PermanentError `BENCHMARK_FAILED` */
  ask<T>(...words: readonly string[]): Promise<T> {
    return this.#json<T>(words);
  }

  /** What its emulated Azure says of itself, under a path of its own. */
  async emulated<T>(address: string): Promise<T> {
    const file = JSON.parse(await readFile(path.join(this.data, 'stack.json'), 'utf8')) as EmulatorOfStack;
    const options = { ca: await readFile(file.azureCa), headers: { authorization: `Bearer ${file.azureToken}` } };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${file.azure}/_emulator/${address}`, options, resolve).once('error', reject);
    });
    return JSON.parse(await text(answer)) as T;
  }

  /** @throws Error when the restore's only disk is not the original */
  async requireSameDisk(restore: RestoreView, original: string): Promise<void> {
    const azureId = restore.disks[0]?.azureId ?? '';
    await requireEqual(original, (await this.#run(['azure', 'disk-path', azureId])).trim(), true);
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
        { env: { ...env, ...UNHURRIED_AZURE }, maxBuffer: 16 << 20 },
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
