import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { outlineOf, PermanentError, RetryableError } from '@landfall/domain';

/*
 * The VM that this process runs on, as Azure's Instance Metadata Service tells it
 * (https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service): plain HTTP that never leaves the VM's host,
 * with the header `Metadata: true`, without `X-Forwarded-For`, and through no proxy. 410 passes within 70 seconds; 429 and 5xx
 * pass as well.
 */

/** The service is next door: where it has been silent so often in a row, nobody will answer. */
const SILENT_TRIES = 3;
const LONGEST_PAUSE_MS = 8_000;

/** The answer is a few kilobytes. */
const LONGEST_ANSWER = 1_048_576;

const VM_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface MetadataPatience {
  /** For how long a service that answers may go on to put the asker off. */
  readonly busyWithinMs: number;
  readonly answerWithinMs: number;
  /** Before the second try; doubled before each one after it. */
  readonly firstPauseMs: number;
}

const PATIENCE: MetadataPatience = { busyWithinMs: 75_000, answerWithinMs: 5_000, firstPauseMs: 500 };

/**
 * Azure's own number for the VM that this process runs on: a UUID that it keeps for its whole life.
 * @param service `http://host[:port]` of the metadata service
 * @throws RetryableError `INSTANCE_METADATA_UNREACHABLE` when nothing answers, or it puts the asker off for too long;
 *   PermanentError `INSTANCE_METADATA_REFUSED` when the answer tells no VM
 */
export async function thisVmId(service: string, patience: MetadataPatience = PATIENCE): Promise<string> {
  const url = new URL('/metadata/instance/compute?api-version=2021-02-01', service);
  const deadline = performance.now() + patience.busyWithinMs;
  let pauseMs = patience.firstPauseMs;
  let silences = 0;
  for (;;) {
    const answer = await ask(url, patience.answerWithinMs);
    if (answer.status !== null && !isBusy(answer.status)) return vmIdOf(url, answer);
    silences = answer.status === null ? silences + 1 : 0;
    if (silences === SILENT_TRIES || performance.now() + pauseMs > deadline) throw unreachable(url, answer);
    await pause(pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

type Answer = { readonly status: number; readonly body: string } | { readonly status: null; readonly cause: unknown };

/** Node's `fetch`, and its agent for everybody, go through a proxy where the environment names one; an agent of its own does not. */
function ask(url: URL, withinMs: number): Promise<Answer> {
  const agent = new Agent();
  const signal = AbortSignal.timeout(withinMs);
  return new Promise<Answer>((answer) => {
    const silent = (cause: unknown): void => answer({ status: null, cause: signal.aborted ? signal.reason : cause });
    const request = get(url, { agent, signal, headers: { metadata: 'true' } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length > LONGEST_ANSWER) request.destroy(new Error('The answer has no end.'));
      });
      response.on('end', () => answer({ status: response.statusCode ?? 0, body }));
      response.on('error', silent);
    });
    request.on('error', silent);
  }).finally(() => agent.destroy());
}

function isBusy(status: number): boolean {
  return status === 410 || status === 429 || status >= 500;
}

function vmIdOf(url: URL, answer: { readonly status: number; readonly body: string }): string {
  if (answer.status !== 200) throw refused(url, `answered with status ${answer.status}`);
  let compute: unknown;
  try {
    compute = JSON.parse(answer.body);
  } catch {
    throw refused(url, 'answered with something that is no JSON');
  }
  // What does not apply is there, and empty.
  const vmId = typeof compute === 'object' && compute !== null && 'vmId' in compute ? compute.vmId : null;
  if (typeof vmId !== 'string' || !VM_ID.test(vmId)) throw refused(url, 'names no VM in its answer');
  return vmId;
}

function unreachable(url: URL, last: Answer): RetryableError {
  const why = last.status === null ? `does not answer: ${outlineOf(last.cause)}` : `went on answering ${last.status}`;
  return new RetryableError(
    {
      code: 'INSTANCE_METADATA_UNREACHABLE',
      message: `The metadata service at ${url.host}, which tells the VM that this runs on, ${why}.`,
      fix: FIX,
    },
    { cause: last.status === null ? last.cause : undefined },
  );
}

function refused(url: URL, why: string): PermanentError {
  return new PermanentError({
    code: 'INSTANCE_METADATA_REFUSED',
    message: `The metadata service at ${url.host}, which tells the VM that this runs on, ${why}.`,
    fix: FIX,
  });
}

const FIX =
  'Set LANDFALL_APPLIANCE_ID for all services, or run this on a VM of Azure that reaches its metadata service, then start again.';
