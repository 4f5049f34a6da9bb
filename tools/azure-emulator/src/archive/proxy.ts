import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AccountClient, type Account } from './account-client.js';
import { blobRequest, onlineTier, sourceBlob, type BlobRequest } from './blob-request.js';
import { archiveStatus, copyStatus, showPending } from './listing.js';
import { refusalOf, refuse } from './refusals.js';
import { Rehydrations, type Rehydration, type RehydrationTimes } from './rehydrations.js';
import { serveTimes } from './times-endpoint.js';

/*
 * Stands in front of a blob service that brings archived blobs back at once (Azurite does), and makes them take their
 * time, as in Azure.
 *
 *   request    refused, where the archive tier does not allow it
 *              else passed on as it came, Host and path included, so that signatures stay good; the blob service checks
 *              them, and makes the change at once
 *   answer     a blob that has left the archive tier by it is pending from now on
 *              while it is: its properties and listings say Archive and rehydrate-pending, and reading it is refused
 *
 * Bodies stream through; only listings of containers with pending blobs are read whole. Batch requests are passed on
 * unseen.
 */
export interface RehydrationProxyOptions {
  /** Where the blob service is; plain HTTP. */
  readonly upstream: string;
  /** Holds what is pending. */
  readonly dataDirectory: string;
  readonly account: Account;
  readonly host?: string;
  readonly port?: number;
  readonly times?: Partial<RehydrationTimes>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface RehydrationProxy {
  readonly url: string;
  readonly rehydrations: Rehydrations;
  close(): Promise<void>;
}

/** Azure promises 15 hours and, for small blobs, one; a day's work should not have to wait for that. */
const DEFAULT_TIMES: RehydrationTimes = { standardMs: 30_000, highMs: 5_000 };
const BUFFER_BYTES = 256 * 1024;
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'expect']);

interface Proxy {
  readonly upstream: URL;
  readonly agent: Agent;
  readonly rehydrations: Rehydrations;
  readonly service: AccountClient;
}

export async function startRehydrationProxy(options: RehydrationProxyOptions): Promise<RehydrationProxy> {
  const upstream = new URL(options.upstream);
  const agent = new Agent({ keepAlive: true });
  const times = { ...DEFAULT_TIMES, ...options.times };
  const rehydrations = new Rehydrations(options.dataDirectory, times, options.now);
  const service = new AccountClient(upstream, options.account, agent);
  const proxy: Proxy = { upstream, agent, rehydrations, service };
  const server = createServer({ highWaterMark: BUFFER_BYTES, keepAliveTimeout: 60_000 }, (incoming, response) => {
    response.sendDate = false;
    serve(proxy, incoming, response).catch((error: unknown) => {
      process.stderr.write(`rehydration-proxy: ${incoming.method} ${incoming.url}: ${String(error)}\n`);
      response.destroy();
    });
  });
  server.requestTimeout = 0; // an upload may take as long as it takes
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((ready, failed) => {
    server.once('error', failed);
    server.listen(options.port ?? 0, host, ready);
  });
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    rehydrations,
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
      agent.destroy();
      rehydrations.close();
    },
  };
}

async function serve(proxy: Proxy, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = incoming.url ?? '/';
  if (url.startsWith('/_archive/')) return serveTimes(incoming, response, proxy.rehydrations);
  const { rehydrations } = proxy;
  const asked = blobRequest(incoming.method ?? 'GET', url, incoming.headers);
  const row = asked.blob === null ? undefined : rehydrations.of(asked.blob);
  if (row !== undefined && row.copy !== null && asked.comp === 'copy') return abortCopy(proxy, incoming, response, row);
  if (row !== undefined && row.copy?.aborted !== true) {
    const wanted = onlineTier(asked.tier);
    const request = { ...asked, wanted, high: asked.priority === 'High' };
    const refusal = refusalOf(request, { ...row, isCopy: row.copy !== null });
    if (refusal !== null) return refuse(response, refusal);
  }
  const copied = await copiedFromArchive(proxy, asked);
  if (copied === 'refused') return refuse(response, 'BlobArchived');
  const answer = await passOn(proxy, incoming, response);
  if (answer !== null) await giveBack(proxy, asked, copied, answer, response);
}

/** Whether a request copies a blob out of the archive tier; one that is still pending can be copied in no other way. */
async function copiedFromArchive(proxy: Proxy, asked: BlobRequest): Promise<boolean | 'refused'> {
  const source = asked.copySource === null ? null : sourceBlob(asked.copySource);
  if (source === null || asked.blob === null || source === asked.blob) return false;
  const isPending = proxy.rehydrations.of(source) !== undefined;
  const isPlainCopy = asked.comp === '' && onlineTier(asked.tier) !== null;
  if (isPending) return isPlainCopy || 'refused';
  return isPlainCopy && (await proxy.service.tierOf(source)) === 'Archive';
}

/** Null when the client went away. @throws Error when the blob service can't be reached */
function passOn(proxy: Proxy, incoming: IncomingMessage, response: ServerResponse): Promise<IncomingMessage | null> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: proxy.upstream.hostname,
      port: proxy.upstream.port,
      agent: proxy.agent,
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: endToEnd(incoming.rawHeaders),
    });
    response.once('close', () => {
      if (response.writableFinished) return;
      sent.destroy();
      resolve(null);
    });
    sent.once('error', reject);
    sent.once('response', resolve);
    incoming.pipe(sent);
  });
}

async function giveBack(
  proxy: Proxy,
  asked: BlobRequest,
  copied: boolean,
  answer: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { rehydrations } = proxy;
  const status = answer.statusCode ?? 502;
  if (status >= 300 || status < 200) return stream(answer, response);
  if (asked.blob === null) {
    if (asked.method === 'GET' && asked.comp === 'list' && asked.container !== null) {
      return list(rehydrations, asked.container, answer, response);
    }
    if (asked.method === 'DELETE' && asked.container !== null) rehydrations.forgetAllIn(asked.container);
    return stream(answer, response);
  }
  const { blob, priority } = asked;
  const tier = onlineTier(asked.tier);
  if (asked.comp === 'tier') {
    const row = rehydrations.of(blob);
    const isRaised = row !== undefined && row.copy?.aborted !== true;
    if (isRaised) rehydrations.raise(row);
    else if (status === 202 && tier !== null) rehydrations.begin({ blob, tier, priority, copy: null });
    return stream(answer, response, isRaised ? 202 : status);
  }
  if (copied && tier !== null && status === 202) {
    const copy = { id: String(answer.headers['x-ms-copy-id']), aborted: false };
    rehydrations.begin({ blob, tier, priority, copy });
    return stream(answer, response, status, { 'x-ms-copy-status': 'pending' });
  }
  if (overwrites(asked)) rehydrations.forget(blob);
  const row = reads(asked) ? rehydrations.of(blob) : undefined;
  if (row === undefined) return stream(answer, response);
  if (asked.method === 'HEAD' || row.copy?.aborted === true) {
    return stream(answer, response, status, shownHeaders(row));
  }
  answer.destroy();
  refuse(response, 'BlobArchived');
}

function overwrites({ method, comp }: BlobRequest): boolean {
  return (method === 'PUT' && (comp === '' || comp === 'blocklist')) || (method === 'DELETE' && comp === '');
}

function reads({ method, comp }: BlobRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && comp === '';
}

/** What is passed on answers only whether the client may: to the blob service the copy has ended already. */
async function abortCopy(
  proxy: Proxy,
  incoming: IncomingMessage,
  response: ServerResponse,
  row: Rehydration,
): Promise<void> {
  const answer = await passOn(proxy, incoming, response);
  if (answer === null) return;
  if (answer.statusCode !== 409) return stream(answer, response);
  answer.resume();
  if (row.copy?.aborted === true) return refuse(response, 'NoPendingCopyOperation');
  const copyId = new URL(incoming.url ?? '/', proxy.upstream).searchParams.get('copyid');
  if (copyId !== row.copy?.id) return refuse(response, 'CopyIdMismatch');
  if (!(await proxy.service.writeEmpty(row.blob))) throw new Error('the copy that was called off could not be emptied');
  proxy.rehydrations.abort(row);
  response.writeHead(204, { 'x-ms-version': '2021-12-02' }).end();
}

async function list(
  rehydrations: Rehydrations,
  container: string,
  answer: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const rows = new Map(rehydrations.list(container).map((row) => [row.blob, row]));
  if (rows.size === 0) return stream(answer, response);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const xml = showPending(Buffer.concat(chunks).toString('utf8'), (name) => rows.get(`${container}/${name}`));
  const headers = { 'content-length': String(Buffer.byteLength(xml)), 'transfer-encoding': null };
  response.writeHead(answer.statusCode ?? 200, replaced(answer.rawHeaders, headers)).end(xml);
}

function shownHeaders(row: Rehydration): Readonly<Record<string, string | null>> {
  const copy: Record<string, string> =
    row.copy === null ? {} : { 'x-ms-copy-id': row.copy.id, 'x-ms-copy-status': copyStatus(row) };
  if (row.copy?.aborted === true) return copy;
  return {
    ...copy,
    'x-ms-access-tier': 'Archive',
    'x-ms-access-tier-inferred': null,
    'x-ms-archive-status': archiveStatus(row),
    'x-ms-rehydrate-priority': row.priority,
  };
}

function stream(
  answer: IncomingMessage,
  response: ServerResponse,
  status = answer.statusCode ?? 502,
  headers: Readonly<Record<string, string | null>> = {},
): void {
  response.writeHead(status, replaced(answer.rawHeaders, headers));
  answer.once('error', () => response.destroy());
  answer.pipe(response);
}

/** Names and values in turn, as they came, but for these; null takes one away. */
function replaced(raw: readonly string[], headers: Readonly<Record<string, string | null>>): string[] {
  const kept = endToEnd(raw, (name) => !(name in headers));
  for (const [name, value] of Object.entries(headers)) if (value !== null) kept.push(name, value);
  return kept;
}

function endToEnd(raw: readonly string[], also: (name: string) => boolean = () => true): string[] {
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (!HOP_BY_HOP.has(name.toLowerCase()) && also(name.toLowerCase())) kept.push(name, raw[index + 1] ?? '');
  }
  return kept;
}
