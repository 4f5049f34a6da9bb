import { inspectPaths } from '@landfall/disk';
import type { Call } from '../command-line.js';
import { inspectionText } from '../output/inspection-text.js';

/** Looks into disk images or block devices of this machine, in the order of a computer's disks. */
export async function inspect({ args, output }: Call): Promise<void> {
  const inspection = await inspectPaths(args);
  output.print(inspection, () => inspectionText(inspection));
}
