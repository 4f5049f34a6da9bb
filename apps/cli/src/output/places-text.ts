import { resolve } from 'node:path';
import type { StackFile } from '@landfall/local-stack/stack-file';
import { formatTable } from './table.js';

/** Where the parts of a stack are found, for people. */
export function placesText(folder: string, stack: StackFile): string {
  return formatTable(
    ['console', stack.console],
    [
      ['dashboard', stack.dashboard],
      ['API', `${stack.api}/docs`],
      ['Azure', `${stack.azure} (emulated)`],
      ['sign in', `with "token" of ${resolve(folder, 'stack.json')}`],
    ],
  );
}
