import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { HttpClient } from '@azure/core-rest-pipeline';
import {
  FaultControl,
  SEED,
  startEmulator,
  trustEmulator,
  type Emulator,
  type EmulatorOptions,
} from '@landfall/azure-emulator';
import { Secret } from '@landfall/domain';
import { emulatedPolicy, type AssignedPolicy } from '@landfall/testing/contracts';
import { AzureCloud } from './azure-cloud.js';
import { connectClients, type ArmCall } from './connection.js';

export const APPLIANCE = 'appliance-under-test';

/** The adapter on an emulator of its own, and what somebody does there past it. */
export class EmulatedAzure {
  /** Every call of every adapter that `connect` has made. */
  readonly calls: ArmCall[] = [];
  readonly cloud: AzureCloud;
  readonly faults: FaultControl;

  private constructor(
    readonly emulator: Emulator,
    private readonly subscriptionId: string,
    private readonly folder: string,
  ) {
    this.cloud = this.connect();
    this.faults = new FaultControl(emulator);
  }

  static async start(
    subscriptionId: string,
    more: Pick<EmulatorOptions, 'hypervisor' | 'qemu'> = {},
  ): Promise<EmulatedAzure> {
    const folder = await mkdtemp(join(tmpdir(), 'landfall-azure-'));
    // Operations that take a moment, so that they are really waited for.
    const options = { dataDirectory: folder, token: 'token-of-the-test', subscriptionId, delayMs: 5, ...more };
    const emulator = await startEmulator(options);
    trustEmulator(emulator);
    return new EmulatedAzure(emulator, subscriptionId, folder);
  }

  async close(): Promise<void> {
    await this.emulator.close();
    await rm(this.folder, { recursive: true });
  }

  /** @param transport by which its requests go; left out: the clients' own */
  connect(transport?: HttpClient): AzureCloud {
    return new AzureCloud(connectClients(this.settings(), transport), APPLIANCE);
  }

  settings() {
    return {
      ...{ subscriptionId: this.subscriptionId, endpoint: this.emulator.url, applianceId: APPLIANCE },
      ...{ token: new Secret(this.emulator.token), onCall: (call: ArmCall) => void this.calls.push(call) },
    };
  }

  /** What somebody makes past Landfall; its ID, once it is there. */
  putByHand(azureId: string, body: object, apiVersion?: string): Promise<string> {
    return this.byHand('PUT', azureId, { location: SEED.region, ...body }, apiVersion);
  }

  /** Where the bytes of a disk lie. */
  async pathOfDisk(azureId: string): Promise<string> {
    const url = `${this.emulator.url}/_emulator/disk-path?id=${encodeURIComponent(azureId)}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${this.emulator.token}` } });
    assert.ok(answer.ok, await answer.clone().text());
    return ((await answer.json()) as { path: string }).path;
  }

  /** @param level null: it is taken away */
  async lock(scopeId: string, name: string, level: string | null): Promise<void> {
    const url = `${this.emulator.url}${scopeId}/providers/Microsoft.Authorization/locks/${name}?api-version=2020-05-01`;
    const headers = { authorization: `Bearer ${this.emulator.token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ properties: { level } });
    const answer = await fetch(url, level === null ? { method: 'DELETE', headers } : { method: 'PUT', headers, body });
    assert.ok(answer.ok, await answer.text());
  }

  async assign(policies: readonly AssignedPolicy[]): Promise<void> {
    await this.set({ policies: policies.map(emulatedPolicy) });
  }

  /** Some of the emulator's settings. */
  async set(settings: object): Promise<void> {
    const headers = { authorization: `Bearer ${this.emulator.token}`, 'content-type': 'application/json' };
    const body = JSON.stringify(settings);
    const answer = await fetch(`${this.emulator.url}/_emulator/settings`, { method: 'PATCH', headers, body });
    assert.ok(answer.ok, await answer.text());
  }

  async byHand(method: string, azureId: string, body: object, apiVersion = '2024-07-01'): Promise<string> {
    const url = `${this.emulator.url}${azureId}?api-version=${apiVersion}`;
    const headers = { authorization: `Bearer ${this.emulator.token}`, 'content-type': 'application/json' };
    let answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
    for (;;) {
      assert.ok(answer.ok, await answer.clone().text());
      const { id, properties } = (await answer.json()) as { id: string; properties: { provisioningState?: string } };
      // Not everything has a state.
      if ((properties.provisioningState ?? 'Succeeded') === 'Succeeded') return id;
      await pause(5);
      answer = await fetch(url, { headers });
    }
  }
}
