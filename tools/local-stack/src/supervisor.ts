import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HypervisorKind, ProfileName } from '@landfall/azure-emulator';
import { PermanentError } from '@landfall/domain';
import { Balancer } from './balancer.js';
import { givenDatabase, givenRedis } from './given-servers.js';
import { openInstallation, type Installation } from './installation.js';
import { migrate } from './migration.js';
import { endLeftOverProcesses, ProcessRecord } from './process-record.js';
import { azurite, postgres, redis, type ServerSpec } from './servers/index.js';
import { azureEmulator, caPath, rehydrationProxy, services, type Scale, type StackAddresses } from './services.js';
import { removeStackFile, writeStackFile } from './stack-file.js';
import { SupervisedProcess } from './supervised-process.js';

/*
 * The whole of Landfall on one machine.
 *
 *   start:  what an earlier supervisor left behind is ended
 *           Postgres, Redis, Azurite, emulator      side by side; in front of Azurite the proxy that makes archived
 *                                                   blobs take their time
 *           migrations
 *           API                                     the others ask it for nothing at start, but its users do; several
 *                                                   of them behind one address
 *           planner, provisioner, finalizer, movers side by side
 *           stack.json                              only now: who finds it finds everything ready
 *   stop:   the same backwards: services, emulator with its workers, Azurite, Postgres, Redis last, because a queue's
 *           consumer does not end while its Redis is away
 *
 * The caller holds the folder's lock.
 */
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 12_000;

export interface StackOptions {
  /** Absolute. */
  readonly folder: string;
  readonly scale: Scale;
  readonly hypervisor: HypervisorKind;
  /** Whose times the emulated Azure takes; left out: none. */
  readonly profile?: ProfileName | undefined;
  /** Told of each thing that is being started, and of restarts. */
  readonly note: (line: string) => void;
}

export class Stack {
  readonly #options: StackOptions;
  readonly #record: ProcessRecord;
  /** In the order of their start. */
  readonly #groups: SupervisedProcess[][] = [];
  #balancer: Balancer | null = null;
  #publish: () => void = () => undefined;
  #starting: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(options: StackOptions) {
    this.#options = options;
    this.#record = new ProcessRecord(options.folder);
  }

  /**
   * Resolves when everything is ready.
   * @throws PermanentError when something can't be started; whatever was started is stopped again
   */
  async start(): Promise<void> {
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { folder, scale, note } = this.#options;
    removeStackFile(folder);
    const ended = await endLeftOverProcesses(folder);
    if (ended > 0) note(`ended ${ended} processes that an earlier stack had left behind`);
    const installation = await openInstallation(folder, scale.services);
    const addresses = await this.#startServers(installation);
    note('applying migrations');
    await migrate(addresses.databaseUrl, installation.moverToken, join(folder, 'logs', 'migration.log'));
    const { apis, others } = services(folder, installation, addresses, scale);
    const apiPorts = apis.map(({ port }) => port);
    if (apis.length > 1) this.#balancer = await Balancer.listen(installation.ports.api, apiPorts);
    // Data-movers ask the API until it answers.
    await waitForAll([this.#startGroup(apis), this.#startGroup(others)]);
    this.#refuseWhenStopping();
    this.#publish = () => this.#writeStackFile(installation, addresses);
    this.#publish();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#publish = () => undefined;
    removeStackFile(this.#options.folder);
    await this.#stopGroups();
    await this.#starting.catch(() => undefined); // a start that was under way gives up at its next group
    await this.#stopGroups();
    await this.#balancer?.close();
    await endLeftOverProcesses(this.#options.folder);
  }

  async #stopGroups(): Promise<void> {
    for (const group of this.#groups.splice(0).reverse()) {
      await Promise.all(group.map((process) => process.stop()));
    }
  }

  #refuseWhenStopping(): void {
    if (!this.#stopping) return;
    throw new PermanentError({
      code: 'STACK_STOPPED',
      message: 'The stack was asked to stop while it was starting.',
      fix: 'Call "./landfall up" again.',
    });
  }

  async #startServers(installation: Installation): Promise<StackAddresses> {
    const { folder } = this.#options;
    const { ports } = installation;
    for (const name of ['azurite', 'redis', 'azure']) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
    const ownRedis = await givenRedis(() =>
      redis({ dataDirectory: join(folder, 'redis'), port: ports.redis, password: installation.redisPassword }),
    );
    const ownPostgres = await givenDatabase(() =>
      postgres({
        dataDirectory: join(folder, 'postgres'),
        port: ports.postgres,
        password: installation.postgresPassword,
        database: 'landfall',
      }),
    );
    const blobs = azurite({ dataDirectory: join(folder, 'azurite'), port: ports.blobs });
    const archive = rehydrationProxy({
      dataDirectory: join(folder, 'archive'),
      port: ports.azurite,
      upstream: blobs.url,
    });
    // Groups are stopped in the reverse order of this list; they start side by side.
    await this.#startGroups([
      ...(ownRedis.spec === null ? [] : [ownRedis.spec]),
      ...(ownPostgres.spec === null ? [] : [ownPostgres.spec]),
      blobs,
      archive,
      azureEmulator(folder, installation, this.#options.hypervisor, this.#options.profile),
    ]);
    return {
      databaseUrl: ownPostgres.url,
      redisUrl: ownRedis.url,
      queuePrefix: ownRedis.spec === null ? installation.applianceId : 'landfall',
      azuriteUrl: archive.url,
    };
  }

  async #startGroups(specs: readonly ServerSpec[]): Promise<void> {
    this.#refuseWhenStopping();
    const groups = specs.map((spec) => [this.#supervise(spec)]);
    this.#groups.push(...groups);
    await startAll(groups.flat());
  }

  async #startGroup(specs: readonly ServerSpec[]): Promise<void> {
    this.#refuseWhenStopping();
    const group = specs.map((spec) => this.#supervise(spec));
    this.#groups.push(group);
    await startAll(group);
  }

  #supervise(spec: ServerSpec): SupervisedProcess {
    const { folder, note } = this.#options;
    note(`starting ${spec.name}`);
    return new SupervisedProcess(
      spec,
      {
        logFile: join(folder, 'logs', `${spec.name}.log`),
        startDeadlineMs: START_DEADLINE_MS,
        stopDeadlineMs: STOP_DEADLINE_MS,
      },
      {
        spawned: (name, pid, stopSignal) => {
          this.#record.add(name, pid, stopSignal);
          this.#publish();
        },
        ended: (_name, pid) => {
          this.#record.remove(pid);
          this.#publish();
        },
        note,
      },
    );
  }

  #writeStackFile(installation: Installation, addresses: StackAddresses): void {
    const { folder } = this.#options;
    const { ports } = installation;
    const api = `http://127.0.0.1:${ports.api}`;
    writeStackFile(folder, {
      api,
      console: `${api}/`,
      dashboard: `${api}/admin/queues`,
      metrics: `${api}/metrics`,
      azure: `https://127.0.0.1:${ports.azure}`,
      azureCa: caPath(folder),
      azureToken: installation.azureToken,
      redis: addresses.redisUrl,
      postgres: addresses.databaseUrl,
      azurite: addresses.azuriteUrl,
      token: installation.apiToken,
      processes: [
        { name: 'supervisor', pid: process.pid },
        ...this.#record.processes.map(({ name, pid }) => ({ name, pid })),
      ],
    });
  }
}

async function startAll(processes: readonly SupervisedProcess[]): Promise<void> {
  await waitForAll(processes.map((process) => process.start()));
}

/** Also when one fails, so that none is still starting when the others are stopped. @throws what the first of them throws */
async function waitForAll(starts: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(starts);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
