import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The frames of a stack that are of the workspace, as `file:line`; Jest has put the sources in place of what was built. */
export function placesIn(stack: string, workspace: string): string[] {
  return [...stack.matchAll(/^\s+at .*?\(?((?:file:\/\/)?\/[^():]+):(\d+):\d+\)?$/gm)]
    .map(([, file, line]) => ({ file: file!.startsWith('file:') ? fileURLToPath(file!) : file!, line }))
    .filter(({ file }) => file.startsWith(`${workspace}/`) && !file.includes('/node_modules/'))
    .map(({ file, line }) => `${relative(workspace, file)}:${line}`);
}
