import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GROUP, raw, type AzureClients, type Reachable } from '../fixtures/azure.fixture.test.js';

/** Software emulation on a machine that does other things as well takes its time; nothing is concluded from how much. */
const PATIENCE_MS = 300_000;

/** Moves of the cursor and colours; SeaBIOS strews them in wherever it happens to be. */
const ESCAPES = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-9;?=]*[A-Za-z]|c)`, 'g');

/** What the VM has printed on its serial console, as Azure's client gets it. */
export async function serialLog(azure: AzureClients & Reachable, vm: string): Promise<string> {
  const places = await azure.compute.virtualMachines.retrieveBootDiagnosticsData(GROUP, vm);
  const { pathname, search } = new URL(places.serialConsoleLogBlobUri ?? '');
  const { status, text } = await raw(azure, 'GET', pathname + search, { token: null });
  assert.equal(status, 200, text);
  return text.replace(ESCAPES, '');
}

/** Waits until the console shows it. @throws with the end of the console's log when it does not come */
export async function consoleShows(
  azure: AzureClients & Reachable,
  vm: string,
  wanted: string | RegExp,
): Promise<string> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const log = await serialLog(azure, vm);
    if (typeof wanted === 'string' ? log.includes(wanted) : wanted.test(log)) return log;
    if (Date.now() > deadline)
      assert.fail(`the console of ${vm} never showed ${wanted}; its end:\n${log.slice(-2_000)}`);
    await sleep(200);
  }
}

/** The processes that boot VMs whose folder is below the directory. */
export function guestPids(directory: string, vm?: string): readonly number[] {
  const mark = `LANDFALL_GUEST_FOLDER=${join(directory, 'vms')}/`;
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const variables = readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0');
      const folder = variables.find((line) => line.startsWith(mark));
      return folder !== undefined && (vm === undefined || folder.endsWith(`/${vm}`)) ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

/** A VM whose disks hold what the image files hold; it is running when this returns. */
export async function bootImages(
  azure: AzureClients & Reachable,
  name: string,
  generation: 1 | 2,
  osDisk: string,
  dataDisks: readonly string[] = [],
): Promise<void> {
  const body = JSON.stringify({ name, resourceGroup: GROUP, osDisk, dataDisks, generation });
  const { status, text } = await raw(azure, 'POST', '/_emulator/vms', { body });
  assert.equal(status, 201, text);
}

export async function diskPath(azure: Reachable, id: string): Promise<string> {
  const { json } = await raw(azure, 'GET', `/_emulator/disk-path?id=${encodeURIComponent(id)}`);
  return String(json['path']);
}
