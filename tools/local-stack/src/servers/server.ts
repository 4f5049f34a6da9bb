import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentError } from '@landfall/domain';

/** Between two questions whether a server answers: one that takes long is busy enough with itself. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 160;

/** How one server is run; made by `postgres.ts`, `redis.ts` and `azurite.ts`, started by `launch`. */
export interface ServerSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly port: number;
  /** For clients; may hold a password. */
  readonly url: string;
  /** Asks for an orderly end. */
  readonly stopSignal: NodeJS.Signals;
  /** Whether it answers; called until it does. */
  ready(): Promise<boolean>;
}

export interface RunningServer {
  readonly spec: ServerSpec;
  readonly pid: number;
  readonly url: string;
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Asks for an orderly end, and after `deadlineMs` ends it. */
  stop(deadlineMs?: number): Promise<void>;
}

/**
 * Starts the server and waits until it answers.
 * @param spawned told of the process at once, long before it answers
 * @throws PermanentError `SERVER_NOT_STARTED` with the last lines of its log
 */
export async function launch(
  spec: ServerSpec,
  logFile: string,
  deadlineMs = 30_000,
  spawned: (pid: number) => void = () => undefined,
): Promise<RunningServer> {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(spec.command, spec.args, { env: spec.env, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  if (child.pid !== undefined) spawned(child.pid);
  const ended = endOf(child);
  let over: string | null = null;
  void ended.then(({ code, signal }) => {
    over = `it ended with ${signal ?? `exit code ${code}`}`;
  });
  const deadline = performance.now() + deadlineMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    if (over === null && performance.now() > deadline) over = `it did not answer within ${deadlineMs / 1000} seconds`;
    if (over !== null) {
      child.kill('SIGKILL');
      throw new PermanentError({
        code: 'SERVER_NOT_STARTED',
        message: `${spec.name} could not be started: ${over}. The end of its log:\n${lastLines(logFile, 12)}`,
        fix: `Look into ${logFile}, remove the cause and start again.`,
      });
    }
    if (await spec.ready()) break;
    await sleep(pauseMs);
  }
  return {
    spec,
    pid: child.pid!,
    url: spec.url,
    ended,
    async stop(stopDeadlineMs = 10_000) {
      child.kill(spec.stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

function endOf(child: ChildProcess): RunningServer['ended'] {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ code: 127, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

export function lastLines(file: string, count: number): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '(no log)';
  }
}

/** Whether something accepts connections on the port of the loopback interface. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.setTimeout(1_000, () => answer(false));
  });
}
