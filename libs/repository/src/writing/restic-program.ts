import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import {
  BadInputError,
  NotFoundError,
  outlineOf,
  PermanentError,
  RetryableError,
  withoutCredentials,
  type LandfallError,
} from '@landfall/domain';

/*
 * The `restic` program, which does all writing to repositories.
 *
 * `restic backup --stdin` takes the end of its input for the end of the file: whatever was sent so far becomes a
 * snapshot. So the input is ended only once all of it was read and found in order; else the program is interrupted
 * while it still waits, and makes no snapshot.
 *
 * It is called with a password, and quotes addresses with what signs them: its own words are told by their sense alone.
 */
const INTERRUPT_DEADLINE_MS = 10_000;
const KEPT_OUTPUT = 64 * 1024;

export interface StoredSnapshot {
  readonly id: string;
  readonly paths: readonly string[];
}

export interface StdinBackup {
  /** The name that the content has in the repository. */
  readonly fileName: string;
  readonly tags: readonly string[];
  readonly host: string;
  readonly content: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

export class Restic {
  readonly #environment: NodeJS.ProcessEnv;
  /** For messages. */
  readonly #repository: string;

  /**
   * @param password null: restic finds it by itself (RESTIC_PASSWORD_COMMAND) or refuses
   * @param environment that it runs in; this process' own when left out
   */
  constructor(repository: string, password: string | null, environment: NodeJS.ProcessEnv = process.env) {
    this.#repository = withoutCredentials(repository);
    this.#environment = { ...environment, RESTIC_REPOSITORY: repository };
    delete this.#environment.RESTIC_REPOSITORY_FILE;
    if (password === null) return;
    this.#environment.RESTIC_PASSWORD = password;
    delete this.#environment.RESTIC_PASSWORD_FILE;
    delete this.#environment.RESTIC_PASSWORD_COMMAND;
  }

  /**
   * Opens the repository, so that a wrong password is told before a disk is read.
   * @throws BadInputError `REPOSITORY_PASSWORD_WRONG`, NotFoundError `REPOSITORY_NOT_FOUND`, PermanentError
   *   `RESTIC_MISSING`, `REPOSITORY_UNUSABLE`, RetryableError `REPOSITORY_BUSY`
   */
  async open(signal?: AbortSignal): Promise<void> {
    const { code, stderr } = await this.#run(['cat', 'config'], null, signal);
    if (code !== 0) throw this.#openingError(code, stderr);
  }

  /**
   * Makes a snapshot with one file out of a stream. Returns the snapshot's ID as restic prints it.
   * @throws PermanentError `CAPTURE_FAILED`, RetryableError `REPOSITORY_BUSY`, or whatever `content` throws; no snapshot is
   *   made
   */
  async backup({ fileName, tags, host, content, signal }: StdinBackup): Promise<string> {
    const args = ['backup', '--json', '--stdin', '--stdin-filename', fileName, '--host', host];
    const { code, stdout, stderr } = await this.#run(
      [...args, ...tags.flatMap((tag) => ['--tag', tag])],
      content,
      signal,
    );
    const snapshot = snapshotOf(stdout);
    if (code === 0 && snapshot !== null) return snapshot;
    throw failureOf(`restic could not store ${fileName} (exit code ${code})`, stderr, 'CAPTURE_FAILED');
  }

  /** The snapshots with this tag, oldest first. @throws as `open` does */
  async snapshotsWith(tag: string, signal?: AbortSignal): Promise<readonly StoredSnapshot[]> {
    const { code, stdout, stderr } = await this.#run(['snapshots', '--json', '--no-lock', '--tag', tag], null, signal, {
      whole: true,
    });
    if (code !== 0) throw this.#openingError(code, stderr);
    return ((JSON.parse(stdout) as { id: string; paths: string[] }[] | null) ?? []).map(({ id, paths }) => ({
      id,
      paths,
    }));
  }

  /**
   * Removes snapshots from the list; what they alone hold goes with the next prune.
   * @throws RetryableError `REPOSITORY_BUSY` while somebody else writes to the repository, PermanentError `FORGET_FAILED`
   */
  async forget(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    if (ids.length === 0) return;
    // Locks of processes that are gone: nothing can be forgotten while one is there.
    await this.#run(['unlock'], null, signal);
    const { code, stderr } = await this.#run(['forget', ...ids], null, signal);
    if (code !== 0)
      throw failureOf(`restic could not forget ${ids.length} snapshot(s) (exit code ${code})`, stderr, 'FORGET_FAILED');
  }

  async #run(
    args: readonly string[],
    content: AsyncIterable<Uint8Array> | null,
    signal?: AbortSignal,
    { whole = false } = {},
  ) {
    const child = spawn('restic', [...args], {
      env: this.#environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = [collect(child.stdout, whole), collect(child.stderr)];
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(programMissing(error)));
      child.once('close', (code) => resolve(code ?? 1));
    });
    ended.catch(() => undefined);
    const stop = (): void => void interrupt(child, ended);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await feed(child, content, ended, signal);
      const code = await ended;
      signal?.throwIfAborted();
      return { code, stdout: stdout(), stderr: stderr() };
    } catch (error) {
      await interrupt(child, ended);
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  #openingError(code: number, stderr: string): LandfallError {
    if (code === 12 || /wrong password|no key found/i.test(stderr)) {
      return new BadInputError({
        code: 'REPOSITORY_PASSWORD_WRONG',
        message: `The password does not open the repository ${this.#repository}.`,
        fix: 'Give one that does with --password-file, RESTIC_PASSWORD_FILE or RESTIC_PASSWORD.',
      });
    }
    if (/empty password|password is required|stdin.*(terminal|password)|unable to read password/i.test(stderr)) {
      return new BadInputError({
        code: 'PASSWORD_MISSING',
        message: `No password was given for the repository ${this.#repository}.`,
        fix: 'Give it with --password-file, RESTIC_PASSWORD_FILE or RESTIC_PASSWORD.',
      });
    }
    if (code === 10 || /is there a repository|does not exist|no such file/i.test(stderr)) {
      return new NotFoundError({
        code: 'REPOSITORY_NOT_FOUND',
        message: `There is no restic repository at ${this.#repository}.`,
        fix: `Correct --repo, or make one: restic init --repo ${this.#repository}`,
      });
    }
    return failureOf(
      `restic can't open the repository ${this.#repository} (exit code ${code})`,
      stderr,
      'REPOSITORY_UNUSABLE',
    );
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Sends everything and ends the input; gives up when the program has ended before. */
async function feed(
  child: Child,
  content: AsyncIterable<Uint8Array> | null,
  ended: Promise<number>,
  signal?: AbortSignal,
): Promise<void> {
  let over = false;
  void ended.catch(() => undefined).then(() => (over = true));
  child.stdin.on('error', () => undefined); // the program's exit code says why it stopped listening
  for await (const chunk of content ?? []) {
    signal?.throwIfAborted();
    if (over) return;
    if (!child.stdin.write(chunk)) await Promise.race([once(child.stdin, 'drain').catch(() => undefined), ended]);
  }
  signal?.throwIfAborted();
  child.stdin.end();
}

async function interrupt(child: Child, ended: Promise<number>): Promise<void> {
  child.kill('SIGINT'); // restic removes its lock from the repository
  const timer = setTimeout(() => child.kill('SIGKILL'), INTERRUPT_DEADLINE_MS);
  await ended.catch(() => undefined);
  clearTimeout(timer);
}

/** @param whole else its end */
function collect(stream: Readable, whole = false): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text = whole ? text + chunk.toString('utf8') : (text + chunk.toString('utf8')).slice(-KEPT_OUTPUT);
  });
  return () => text;
}

function snapshotOf(stdout: string): string | null {
  for (const line of stdout.trim().split('\n').reverse()) {
    try {
      const message = JSON.parse(line) as { message_type?: string; snapshot_id?: string };
      if (message.message_type === 'summary' && message.snapshot_id !== undefined) return message.snapshot_id;
    } catch {
      // Not one of its JSON lines.
    }
  }
  return null;
}

/** What it says, what that means, and whether it may pass by itself. */
const SENSES: readonly (readonly [said: RegExp, means: string, passes?: boolean])[] = [
  [/no space left|quota exceeded/i, 'there is no room left for it'],
  [/already locked|unable to create lock/i, 'another restic has the repository locked', true],
  [/read-only file system/i, 'the repository lies on a file system that can only be read'],
  [/permission denied|operation not permitted/i, "this user may not write to the repository's files"],
  [
    /AuthenticationFailed|AuthorizationFailure|SignatureDoesNotMatch|AccessDenied|403 forbidden|401 unauthorized/i,
    'the storage does not let it in',
  ],
  [
    /account (?:name|key)|credentials|AZURE_ACCOUNT|AWS_/i,
    "the storage's account or key is not given in the environment",
  ],
  [
    /no such host|connection refused|connection reset|network is unreachable|i\/o timeout|dial tcp/i,
    'the storage does not answer',
    true,
  ],
  [
    /ciphertext verification failed|invalid data returned|unexpected EOF|illegal file/i,
    'a file of the repository is damaged',
  ],
  [/unsupported repository version/i, 'this restic is too old for the repository'],
  [/unknown flag|unknown command/i, 'this restic is too old to be called so'],
];

/** What restic means by what it has said, in our words. */
function failureOf(what: string, stderr: string, code: string): LandfallError {
  const [, sense, passes] = SENSES.find(([said]) => said.test(stderr)) ?? [];
  const message = `${what}: ${sense ?? 'for a reason that is not known here'}.`;
  if (passes === true) {
    const fix = 'Try again in a while; `restic list locks` shows whether somebody holds the repository.';
    return new RetryableError({ code: 'REPOSITORY_BUSY', message, fix });
  }
  const fix = 'Remove the cause and capture again; where it is not clear, `restic check` on the repository tells more.';
  return new PermanentError({ code, message, fix });
}

function programMissing(cause: Error): PermanentError {
  return new PermanentError(
    {
      code: 'RESTIC_MISSING',
      message: `The program restic can't be started: ${outlineOf(cause)}.`,
      fix: 'Install it (Debian: apt-get install restic) and see that it is on PATH.',
    },
    { cause },
  );
}
