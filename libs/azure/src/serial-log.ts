import { MOST_SERIAL_BYTES } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { fromAzure, isNotFound } from './errors.js';
import type { ResourcePath } from './ids.js';

/*
 * The serial console of a VM, as Azure keeps it: a blob, whose address Azure signs for whoever may ask for it. It may be missing
 * until the machine has printed something, or be longer than anybody wants to read, or be filled up with zeros behind its end.
 */
const SIGNED_MINUTES = 5;
/** More than Azure keeps of a console (1 MB, as its documentation says), and what is read at most. */
const MOST_READ_BYTES = 1024 * 1024;

/** Null: there is none, or not yet. */
export async function readSerialLog(
  connection: AzureConnection,
  { resourceGroup, name }: ResourcePath,
): Promise<string | null> {
  const doing = `read the serial console of the VM "${name}"`;
  try {
    const { serialConsoleLogBlobUri: url } = await connection.compute.virtualMachines.retrieveBootDiagnosticsData(
      resourceGroup,
      name,
      {
        sasUriExpirationTimeInMinutes: SIGNED_MINUTES,
      },
    );
    if (url === undefined) return null;
    const bytes = await connection.readSignedEnd(url, MOST_READ_BYTES);
    return bytes === null ? null : textOf(bytes);
  } catch (error) {
    if (isNotFound(error)) return null;
    throw fromAzure(error, doing);
  }
}

function textOf(bytes: Buffer): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(Math.max(0, end - MOST_SERIAL_BYTES), end).toString('utf8');
}
