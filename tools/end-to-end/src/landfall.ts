import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Landfall as a user has it who scales out: the command line, a stack with a data folder of its own and two of every service,
 * nothing from inside.
 */
const LANDFALL = fileURLToPath(new URL('../../../landfall', import.meta.url));
/** What the script starts once it has seen that nothing is to be installed or built, which takes as long as many a command. */
const PROGRAM = fileURLToPath(new URL('../../../apps/cli/dist/main.js', import.meta.url));

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command in a folder to its end, whatever its exit code. */
export function landfall(
  args: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  return finished(LANDFALL, args, folder, environment);
}

function finished(
  program: string,
  args: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { env: { ...process.env, ...environment }, maxBuffer: 64 << 20, cwd: folder },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      },
    );
  });
}

export class Stack {
  private constructor(
    readonly folder: string,
    readonly dataDirectory: string,
  ) {}

  static async up(environment: NodeJS.ProcessEnv = {}): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'landfall-e2e-'));
    const stack = new Stack(folder, join(folder, 'data'));
    const command = ['up', '--detach', '--services', '2', '--movers', '2', '--data', stack.dataDirectory];
    const up = await landfall(command, folder, environment);
    if (up.code !== 0) throw new Error(`up ended with ${up.code}: ${up.stderr}`);
    return stack;
  }

  /** One that somebody else has started. */
  static at(folder: string, dataDirectory: string): Stack {
    return new Stack(folder, dataDirectory);
  }

  async down(): Promise<void> {
    await this.run(['down']);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Runs one command to its end, whatever its exit code. */
  run(
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    dataDirectory = this.dataDirectory,
  ): Promise<Finished> {
    return finished(process.execPath, [PROGRAM, ...args, '--data', dataDirectory], this.folder, environment);
  }

  /** Adds a restic repository under a name: whatever comes of it. */
  add(
    name: string,
    { folder, passwordFile }: { readonly folder: string; readonly passwordFile: string },
  ): Promise<Finished> {
    return this.run(['repo', 'add', name, '--kind', 'restic', '--url', folder, '--password-file', passwordFile]);
  }

  /** Adds one that is as it should be. */
  async addRepository(name: string, repository: Parameters<Stack['add']>[1]): Promise<void> {
    const { code, stderr } = await this.add(name, repository);
    if (code !== 0) throw new Error(`The repository ${name} was not added: ${stderr}`);
  }

  /** Runs a command with `--json` that has to succeed, and gives its document. */
  async json<T>(args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, '--json']);
    if (code !== 0) throw new Error(`landfall ${args.join(' ')} ended with ${code}: ${stderr}\n${stdout}`);
    return JSON.parse(stdout) as T;
  }

  /** Starts a command and does not wait; `finished` settles with its end. */
  start(args: readonly string[]): { readonly finished: Promise<Finished> } {
    const child = spawn(process.execPath, [PROGRAM, ...args, '--data', this.dataDirectory], { cwd: this.folder });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const finished = new Promise<Finished>((resolve) => {
      child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
    });
    return { finished };
  }

  async file(): Promise<StackFile> {
    return JSON.parse(await readFile(join(this.dataDirectory, 'stack.json'), 'utf8')) as StackFile;
  }

  async restoredFile(azureId: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(['azure', 'disk-path', azureId]);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  /** Ids of everything in the emulated Azure that carries an appliance's tag. */
  async ownedResources(): Promise<string[]> {
    const all = await this.json<{ id: string; tags?: Record<string, string> }[]>(['azure', 'list']);
    return all.filter((resource) => resource.tags?.['landfall-appliance'] !== undefined).map((resource) => resource.id);
  }
}

export interface StackFile {
  readonly api: string;
  readonly azure: string;
  readonly azureCa: string;
  readonly azureToken: string;
  readonly azurite: string;
  readonly dashboard: string;
  readonly postgres: string;
  readonly redis: string;
  readonly token: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

/** A restore as the command line prints it. */
export interface RestoreView {
  readonly id: string;
  readonly state: string;
  readonly steps: readonly { readonly id: string; readonly state: string; readonly attempts: number }[];
  readonly disks: readonly {
    readonly name: string;
    readonly role: string;
    readonly lun: number | null;
    readonly azureId: string | null;
    readonly bytesTotal: number;
    readonly bytesDone: number;
  }[];
  readonly vm: { readonly azureId: string } | null;
  readonly error: { readonly code: string; readonly message: string; readonly fix: string } | null;
}

export interface EventView {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** What `demo --json` prints. */
/** Of `demo --original`. */
export interface OriginalDemoView extends Pick<DemoView, 'equal' | 'data' | 'power' | 'restore'> {
  readonly disks: readonly { readonly equal: boolean }[];
  readonly back: readonly { readonly equal: boolean }[];
  readonly fidelity: readonly { readonly path: string; readonly why: string }[];
}

export interface DemoView {
  readonly equal: boolean;
  readonly data: string;
  readonly power: string;
  readonly restore: RestoreView;
  readonly disks: readonly { readonly name: string; readonly sizeBytes: number; readonly sha256: string }[];
  readonly phases: readonly { readonly name: string; readonly seconds: number }[];
}
