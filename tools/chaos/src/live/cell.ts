import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { trustEmulator } from '@landfall/azure-emulator';
import { Secret } from '@landfall/domain';
import {
  azureEmulator,
  Balancer,
  caPath,
  endLeftOverProcesses,
  kindOfProcess,
  openInstallation,
  services,
  SupervisedProcess,
  type Installation,
  type Scale,
} from '@landfall/local-stack/parts';
import { redis, type ServerSpec } from '@landfall/local-stack/servers';
import { connectBooks, type Books } from '@landfall/persistence';
import { removePlan, writePlan, type Afflictions } from '../afflictions/plan.js';
import { FaultProxy } from '../proxy/fault-proxy.js';
import { PostgresCuts } from '../proxy/postgres-cuts.js';
import { ReportProxy } from '../proxy/report-proxy.js';
import { EmulatedAzure } from './emulated-azure.js';
import type { Ground } from './ground.js';

/*
 * A whole Landfall of its own, as the processes that a user has, each started again when it dies: the emulator, and two of
 * everything else, because who scales out has them, and one of a kind never meets another. The two APIs are behind one
 * address; each worker and the pool have two data-movers. Redis is the cell's own; Postgres is the ground's, in a database
 * of its own. Services reach both through a proxy, and data-movers the API; the harness itself goes round it. Every process
 * can be armed with crash points.
 *
 * Cells have nothing in common but the machine, so that while one waits for a lock of a dead process, others are tried.
 */
const SCALE: Scale = { services: 2, movers: 2 };
/** What is no part of Landfall itself. */
const SERVERS = ['azure-emulator', 'redis'];
/** Of a data-mover; short, so that a trial can stop one for longer. */
export const LEASE_SECONDS = 20;

const START_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 12_000;

export class Cell {
  readonly #processes = new Map<string, SupervisedProcess>();
  readonly #specs = new Map<string, ServerSpec>();
  readonly #pids = new Map<string, number>();
  readonly cuts = new PostgresCuts();
  /** Resources that were there before the first restore: nobody else's business. */
  seeded: readonly string[] = [];

  private constructor(
    readonly ground: Ground,
    readonly folder: string,
    readonly installation: Installation,
    readonly redisProxy: FaultProxy,
    readonly reportProxy: ReportProxy,
    readonly redisUrl: string,
    private readonly openPostgres: (cuts: PostgresCuts) => Promise<FaultProxy>,
    readonly databaseUrl: string,
    readonly books: Books,
    readonly azure: EmulatedAzure,
  ) {}

  postgresProxy!: FaultProxy;
  #apis: Balancer | null = null;

  static async start(ground: Ground, name: string): Promise<Cell> {
    const folder = join(ground.folder, name);
    mkdirSync(join(folder, 'redis'), { recursive: true });
    mkdirSync(join(folder, 'azure'), { recursive: true });
    writeFileSync(join(folder, 'installation.json'), portless(ground.installation['installation.json']));
    writeFileSync(join(folder, 'secret.key'), ground.installation['secret.key'], { mode: 0o600 });
    const installation = await openInstallation(folder, SCALE.services);
    const databaseUrl = await ground.database();
    const queue = redis({
      dataDirectory: join(folder, 'redis'),
      port: installation.ports.redis,
      password: installation.redisPassword,
    });
    const cell = new Cell(
      ground,
      folder,
      installation,
      await FaultProxy.listen({ port: queue.port }),
      await ReportProxy.listen(() => installation.ports.api),
      queue.url,
      (cuts) => FaultProxy.listen({ port: Number(new URL(databaseUrl).port), observe: cuts.observe }),
      databaseUrl,
      connectBooks({ databaseUrl: new Secret(databaseUrl), poolSize: 4 }),
      new EmulatedAzure(`https://127.0.0.1:${installation.ports.azure}`, installation.azureToken),
    );
    try {
      await cell.#start(queue);
      return cell;
    } catch (error) {
      await cell.stop();
      throw error;
    }
  }

  async #start(queue: ServerSpec): Promise<void> {
    const { installation, folder, ground } = this;
    this.postgresProxy = await this.openPostgres(this.cuts);
    const { apis, others } = services(
      folder,
      installation,
      {
        databaseUrl: moved(this.databaseUrl, this.postgresProxy.port),
        redisUrl: moved(this.redisUrl, this.redisProxy.port),
        queuePrefix: 'landfall',
        azuriteUrl: ground.blobProxy.url,
        moverApiUrl: this.reportProxy.url,
      },
      SCALE,
    );
    this.#apis = await Balancer.listen(
      installation.ports.api,
      apis.map(({ port }) => port),
    );
    const emulator = this.#withAfflictedWorkers(azureEmulator(folder, installation, 'none'));
    await Promise.all([queue, emulator].map((spec) => this.#supervise(spec)));
    trustEmulator({ caPath: caPath(folder) });
    await Promise.all([...apis, ...others].map((spec) => this.#supervise(this.#afflicted(spec))));
    this.seeded = (await this.azure.resources()).map((resource) => resource.id.toLowerCase()).sort();
    await this.post('/v1/repositories', {
      name: 'sample',
      kind: 'restic',
      url: ground.sample.repository,
      password: ground.sample.password,
    });
  }

  async #supervise(spec: ServerSpec): Promise<void> {
    const added = {
      LANDFALL_CRASH_FILE: this.#armed,
      LANDFALL_CRASH_TRACE: this.#trace,
      LANDFALL_MOVER_LEASE_SECONDS: String(LEASE_SECONDS),
      NODE_COMPILE_CACHE: this.ground.compiled,
    };
    const supervised = new SupervisedProcess(
      { ...spec, env: { ...spec.env, ...added } },
      {
        logFile: join(this.folder, 'logs', `${spec.name}.log`),
        startDeadlineMs: START_WITHIN_MS,
        stopDeadlineMs: STOP_WITHIN_MS,
      },
      {
        spawned: (name, pid) => this.#pids.set(name, pid),
        ended: (name, pid) => {
          if (this.#pids.get(name) === pid) this.#pids.delete(name);
        },
        note: (line) => this.note(line),
      },
    );
    this.#specs.set(spec.name, spec);
    this.#processes.set(spec.name, supervised);
    await supervised.start();
  }

  #afflicted(spec: ServerSpec): ServerSpec {
    return { ...spec, args: [...this.#preload(spec.name), ...spec.args] };
  }

  #withAfflictedWorkers(emulator: ServerSpec): ServerSpec {
    const { EMULATOR_WORKER_COMMAND: command = '[]', ...env } = emulator.env ?? {};
    const [node = '', ...rest] = JSON.parse(command) as string[];
    const disks = join(this.folder, 'azure', 'disks');
    return {
      ...emulator,
      env: {
        ...env,
        EMULATOR_WORKER_COMMAND: JSON.stringify([node, ...this.#preload('worker', disks), ...rest]),
        EMULATOR_WORKER_PROCESSES: String(SCALE.movers),
      },
    };
  }

  #preload(name: string, disks = ''): readonly string[] {
    const module = new URL('../afflictions/preload.js', import.meta.url);
    for (const [key, value] of Object.entries({ plan: this.#plan, name, kind: kindOfProcess(name), disks }))
      module.searchParams.set(key, value);
    return ['--import', module.href];
  }

  get #plan(): string {
    return join(this.folder, 'afflictions');
  }

  /** From now on the machine is unkind to its processes as planned, until it is relieved. */
  afflict(plan: Afflictions): void {
    this.note(`afflicted: ${JSON.stringify(plan)}`);
    rmSync(`${this.#plan}.struck`, { force: true });
    writePlan(this.#plan, plan);
  }

  relieve(): void {
    removePlan(this.#plan);
  }

  /** Who has been struck by what since the last affliction: `planner: clock 3600000`. */
  get struck(): readonly string[] {
    return lines(`${this.#plan}.struck`);
  }

  async stop(): Promise<void> {
    this.disarm();
    this.relieve();
    await Promise.all(this.services.map((name) => this.#processes.get(name)?.stop()));
    for (const name of SERVERS) await this.#processes.get(name)?.stop();
    this.#processes.clear();
    await endLeftOverProcesses(this.folder);
    await Promise.all([
      this.#apis?.close(),
      this.reportProxy.close(),
      this.redisProxy.close(),
      (this.postgresProxy as FaultProxy | undefined)?.close(),
    ]);
    await this.books.close();
  }

  /** Everything at once, without ceremony: whoever runs this is being ended. */
  async abandon(): Promise<void> {
    for (const supervised of this.#processes.values()) void supervised.stop();
    for (const name of [...this.#pids.keys()]) this.kill(name);
    await endLeftOverProcesses(this.folder);
  }

  /** A line in the cell's own log. */
  note(line: string): void {
    const logs = join(this.folder, 'logs');
    // Whoever broke the run off has cleared it away.
    if (!existsSync(logs)) return;
    writeFileSync(join(logs, 'cell.log'), `${new Date().toISOString()} ${line}\n`, { flag: 'a' });
  }

  /** Copies the logs of all processes into a folder of the cell's name, with those of workers that are still there. */
  async keepLogs(into: string): Promise<void> {
    const filter = (path: string): boolean => lstatSync(path).isDirectory() || path.endsWith('.log');
    for (const part of ['logs', join('azure', 'vms')]) {
      const from = join(this.folder, part);
      const to = join(into, basename(this.folder), basename(part));
      if (existsSync(from)) await cp(from, to, { recursive: true, filter });
    }
  }

  /** Names of Landfall's own processes, besides the data-movers on workers: `api-1`, `api-2`, `data-mover-1`, … */
  get services(): readonly string[] {
    return [...this.#processes.keys()].filter((name) => !SERVERS.includes(name));
  }

  pid(process: string): number | null {
    return this.#pids.get(process) ?? null;
  }

  /** Whether it answers; who serves nothing is ready once it is there. */
  async isReady(process: string): Promise<boolean> {
    return this.pid(process) !== null && ((await this.#specs.get(process)?.ready()) ?? false);
  }

  /** One process by its name (`api-2`), or all of a kind (`api`). False when there is none at the moment. */
  kill(nameOrKind: string, signal: NodeJS.Signals = 'SIGKILL'): boolean {
    const meant = [...this.#pids].filter(([name]) => [name, kindOfProcess(name)].includes(nameOrKind));
    for (const [name, pid] of meant) {
      this.note(`${signal} for ${name}`);
      process.kill(pid, signal);
    }
    return meant.length > 0;
  }

  get #armed(): string {
    return join(this.folder, 'crash-at');
  }

  get #trace(): string {
    return join(this.folder, 'crash-trace');
  }

  /** The next process that reaches the first point dies there, then the next one at the second, and so on. */
  arm(points: readonly string[]): void {
    this.note(`armed: ${points.join(', ')}`);
    writeFileSync(`${this.#armed}.new`, `${points.join('\n')}\n`);
    renameSync(`${this.#armed}.new`, this.#armed);
  }

  disarm(): void {
    for (const file of [this.#armed, `${this.#armed}.stopped`]) rmSync(file, { force: true });
  }

  /** Waits until a process has stopped at a point that was armed with `stop`; null when none has within that time. */
  async stopped(withinMs: number): Promise<Stopped | null> {
    const file = `${this.#armed}.stopped`;
    for (const deadline = performance.now() + withinMs; performance.now() < deadline; await pause(10)) {
      const [pid] = lines(file);
      // It says so just before it stops: to let it go on too soon would leave it standing.
      if (pid === undefined || !standsStill(Number(pid))) continue;
      rmSync(file);
      this.note(`process ${pid} is stopped`);
      return { pid: Number(pid), goOn: () => letGo(Number(pid)) };
    }
    return null;
  }

  /** Points at which nobody has died yet. */
  get armed(): readonly string[] {
    return lines(this.#armed);
  }

  /** Names of the points that were reached since the trace was last forgotten, without their numbers, in their order. */
  get trace(): readonly string[] {
    return [...new Set(lines(this.#trace).map((line) => line.slice(0, line.lastIndexOf('#'))))];
  }

  forgetTrace(): void {
    writeFileSync(this.#trace, '');
  }

  /** Asks the API until it answers with anything but a failure of its own. */
  async post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
    const { ports, apiToken } = this.installation;
    const deadline = performance.now() + START_WITHIN_MS;
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${ports.api}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }).catch(() => null);
      const text = await answer?.text().catch(() => null);
      if (answer?.ok && typeof text === 'string') return JSON.parse(text) as T;
      if (answer && answer.status < 500) throw new Error(`POST ${path}: ${answer.status} ${text}`);
      if (performance.now() > deadline) throw new Error(`POST ${path}: ${answer?.status ?? 'no answer'} ${text ?? ''}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** A process that stands still at a point. */
export interface Stopped {
  readonly pid: number;
  goOn(): void;
}

function standsStill(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return true; // it is gone, and will not move either
  }
}

function letGo(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // Somebody has ended it meanwhile, as part of what is tried.
  }
}

/** The same server, through the proxy. */
function moved(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.toString();
}

function portless(installation: string): string {
  return JSON.stringify({ ...(JSON.parse(installation) as object), ports: {} });
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
