import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { SettingValues } from '../settings/settings.js';
import type { Fault, FaultWish } from './fault.js';

/** Where an emulator answers; what `startEmulator` returns and what a stack file tells both fit. */
export interface EmulatorAddress {
  readonly url: string;
  readonly caPath: string;
  readonly token: string;
}

/** Makes an emulator misbehave, from a test or another program: `/_emulator/faults` and `/_emulator/settings`. */
export class FaultControl {
  constructor(private readonly emulator: EmulatorAddress) {}

  /** @throws Error with the emulator's sentence when the fault makes no sense */
  add(fault: FaultWish): Promise<Fault> {
    return this.call<Fault>('POST', '/_emulator/faults', fault);
  }

  list(): Promise<readonly Fault[]> {
    return this.call<readonly Fault[]>('GET', '/_emulator/faults');
  }

  /** Switches one off, or all; gives those that were on. */
  clear(id?: string): Promise<readonly Fault[]> {
    return this.call<readonly Fault[]>('DELETE', `/_emulator/faults${id === undefined ? '' : `/${id}`}`);
  }

  settings(): Promise<SettingValues> {
    return this.call<SettingValues>('GET', '/_emulator/settings');
  }

  change(settings: Partial<SettingValues>): Promise<SettingValues> {
    return this.call<SettingValues>('PATCH', '/_emulator/settings', settings);
  }

  private call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const content = body === undefined ? undefined : JSON.stringify(body);
      const sent = request(
        new URL(this.emulator.url + path),
        {
          method,
          ca: readFileSync(this.emulator.caPath),
          agent: false,
          headers: {
            authorization: `Bearer ${this.emulator.token}`,
            ...(content === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            if ((response.statusCode ?? 0) < 300) resolve(JSON.parse(text) as T);
            else reject(new Error(`the emulator refused ${method} ${path}: ${text}`));
          });
        },
      );
      sent.on('error', reject);
      sent.end(content);
    });
  }
}
