import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SEED, trustEmulator } from '@landfall/azure-emulator';

const MAIN = path.join(path.dirname(fileURLToPath(import.meta.resolve('@landfall/azure-emulator'))), 'main.js');
const TOKEN = 'benchmark';
const SUBSCRIPTION = '5e1f0000-0000-4000-8000-00000000be11';
const FOOTER_BYTES = 512;
/** As `getconf CLK_TCK` says on every Linux. */
const TICKS_PER_SECOND = 100;

/** An Azure emulator as a process of its own, as a stack runs it, with one disk that is open for upload. */
export class EmulatedDisk {
  private constructor(
    /** Address and signature. */
    readonly url: string,
    /** The file that holds the disk. */
    readonly path: string,
    readonly ca: Buffer,
    private readonly child: ChildProcess,
  ) {}

  static async create(folder: string, sizeBytes: number): Promise<EmulatedDisk> {
    const child = spawn(process.execPath, [MAIN, '--data', folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], EMULATOR_TOKEN: TOKEN, EMULATOR_SUBSCRIPTION_ID: SUBSCRIPTION },
    });
    try {
      const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
      const { url, ca: caPath } = JSON.parse(line) as { url: string; ca: string };
      trustEmulator({ caPath });
      const ca = readFileSync(caPath);
      const id = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${SEED.resourceGroup}/providers/Microsoft.Compute/disks/bench`;
      const call = (method: string, where: string, body?: unknown) => arm(ca, method, url + where, body);
      await call('PUT', `${id}?api-version=2025-01-02`, {
        location: SEED.region,
        properties: { creationData: { createOption: 'Upload', uploadSizeBytes: sizeBytes + FOOTER_BYTES } },
      });
      await settled(async () => {
        const disk = await call('GET', `${id}?api-version=2025-01-02`);
        return (
          (disk.body as { properties: { provisioningState: string } }).properties.provisioningState === 'Succeeded'
        );
      });
      const granted = await call('POST', `${id}/beginGetAccess?api-version=2025-01-02`, {
        access: 'Write',
        durationInSeconds: 86_400,
      });
      const result = await arm(ca, 'GET', granted.location!);
      const file = await call('GET', `/_emulator/disk-path?id=${encodeURIComponent(id)}`);
      return new EmulatedDisk(
        (result.body as { accessSAS: string }).accessSAS,
        (file.body as { path: string }).path,
        ca,
        child,
      );
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  /** Of the emulator, user and system, of all its threads. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  async close(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exit;
  }
}

interface ArmAnswer {
  readonly body: unknown;
  readonly location: string | undefined;
}

function arm(ca: Buffer, method: string, url: string, body?: unknown): Promise<ArmAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const sent = request(url, { method, ca, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if ((response.statusCode ?? 0) >= 300) reject(new Error(`The emulator refused ${method}: ${text}`));
        else resolve({ body: text === '' ? null : JSON.parse(text), location: response.headers.location });
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function settled(isDone: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await isDone()) return;
    await new Promise((again) => setTimeout(again, 20));
  }
  throw new Error('The disk was not ready in time.');
}
