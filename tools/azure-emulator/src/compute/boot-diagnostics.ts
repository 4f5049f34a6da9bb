import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { conflict, invalidParameter } from '../arm/errors.js';
import { ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { readSerialLog } from '../hypervisor/serial-log.js';
import { refuse, send } from '../page-blob/endpoint.js';
import { parseRange, StorageError } from '../page-blob/storage-rules.js';
import { VIRTUAL_MACHINE, type VirtualMachineRecord } from '../state/records.js';
import { requireMachine } from './vm-rules.js';

/*
 * Boot diagnostics in managed storage: addresses that are good for a while, at which the emulator serves a VM's serial
 * log and a screenshot. An address is signed and kept nowhere; it outlives a restart, and ends with its VM.
 */
const DEFAULT_MINUTES = 120;
const MOST_MINUTES = 24 * 60;

export const DIAGNOSTICS_PREFIX = '/diagnostics/';

export const BOOT_DIAGNOSTICS_ROUTES: readonly Route[] = [
  {
    operation: 'VirtualMachines_RetrieveBootDiagnosticsData',
    method: 'POST',
    effect: 'action',
    path: '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/virtualMachines/{vmName}/retrieveBootDiagnosticsData',
    handle: retrieve,
  },
];

/** What a VM has printed on its serial console: its hypervisor's log, or what the settings say where nothing runs. */
function serialLogOf(vm: VirtualMachineRecord, azure: Azure): Buffer {
  const { serialLog } = azure.workers.folder(vm);
  return existsSync(serialLog) ? readSerialLog(serialLog) : Buffer.from(azure.settings.values.serialLog);
}

function retrieve(call: Call, azure: Azure): Answer {
  const vm = requireMachine(parameter(call, 'resourceGroupName'), parameter(call, 'vmName'), azure);
  if (vm.properties.diagnosticsProfile?.bootDiagnostics?.enabled !== true) {
    throw conflict('OperationNotAllowed', `Boot diagnostics is not enabled on VM '${vm.name}'.`);
  }
  const text = call.query.get('sasUriExpirationTimeInMinutes');
  const minutes = text === null ? DEFAULT_MINUTES : Number(text);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MOST_MINUTES) {
    throw invalidParameter(
      'sasUriExpirationTimeInMinutes',
      `The value '${text}' of parameter 'sasUriExpirationTimeInMinutes' is out of range. It must be between '1' and '${MOST_MINUTES}' inclusive.`,
    );
  }
  const expiry = new Date(azure.now().getTime() + minutes * 60_000).toISOString();
  return ok({
    consoleScreenshotBlobUri: signedUrl(vm, 'screenshot.bmp', expiry, azure),
    serialConsoleLogBlobUri: signedUrl(vm, 'serialconsole.log', expiry, azure),
  });
}

function signedUrl(vm: VirtualMachineRecord, blob: string, expiry: string, azure: Azure): string {
  const path = `${DIAGNOSTICS_PREFIX}bootdiagnostics-${vm.vmId}/${vm.name}.${vm.vmId}.${blob}`;
  const query = new URLSearchParams({ sv: '2018-03-28', sr: 'b', sp: 'r', se: expiry, sig: sign(path, expiry, azure) });
  return `${azure.baseUrl}${path}?${query.toString()}`;
}

function sign(path: string, expiry: string, azure: Azure): string {
  return createHmac('sha256', signingKey(azure)).update(`${path}\n${expiry}`).digest('base64');
}

function signingKey(azure: Azure): string {
  const kept = azure.state.get('settings', 'diagnosticsKey')?.value;
  if (typeof kept === 'string') return kept;
  const key = randomBytes(32).toString('base64');
  azure.state.commit([{ table: 'settings', key: 'diagnosticsKey', value: { value: key } }]);
  return key;
}

/** GET, ranged too, and HEAD. */
export function serveDiagnostics(request: IncomingMessage, response: ServerResponse, azure: Azure): void {
  try {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const vm = authorize(url, azure);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new StorageError(403, 'AuthorizationPermissionMismatch', 'The signature is good for reading only.');
    }
    const isLog = url.pathname.endsWith('.serialconsole.log');
    const content = isLog ? serialLogOf(vm, azure) : SCREENSHOT;
    const headers = {
      'content-type': isLog ? 'text/plain' : 'image/bmp',
      'x-ms-blob-type': 'BlockBlob',
      'accept-ranges': 'bytes',
      etag: `"${content.length}"`,
      'last-modified': azure.now().toUTCString(),
    };
    if (request.method === 'HEAD') return send(response, 200, { ...headers, 'content-length': String(content.length) });
    const range = parseRange(request);
    if (range === null) return send(response, 200, headers, content);
    if (range.start >= content.length) {
      throw new StorageError(
        416,
        'InvalidRange',
        'The range specified is invalid for the current size of the resource.',
        {
          'content-range': `bytes */${content.length}`,
        },
      );
    }
    const part = content.subarray(range.start, range.start + range.length);
    const last = range.start + part.length - 1;
    send(response, 206, { ...headers, 'content-range': `bytes ${range.start}-${last}/${content.length}` }, part);
  } catch (error) {
    refuse(request, response, error);
  }
}

function authorize(url: URL, azure: Azure): VirtualMachineRecord {
  const expiry = url.searchParams.get('se') ?? '';
  const given = Buffer.from(url.searchParams.get('sig') ?? '', 'base64');
  const expected = Buffer.from(sign(decodeURIComponent(url.pathname), expiry, azure), 'base64');
  const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
  if (!isSigned || Date.parse(expiry) <= azure.now().getTime()) {
    throw new StorageError(403, 'AuthenticationFailed', 'Server failed to authenticate the request.');
  }
  const guid = /bootdiagnostics-([^/]+)/.exec(url.pathname)?.[1];
  const vm = azure.state.ofType(VIRTUAL_MACHINE).find(({ vmId }) => vmId === guid);
  if (vm === undefined) throw new StorageError(404, 'BlobNotFound', 'The specified blob does not exist.');
  return vm;
}

/** One black pixel. */
const SCREENSHOT = Buffer.from(
  'Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAAAAAAAA==',
  'base64',
);
