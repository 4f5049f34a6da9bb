import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The frames of a stack that are of the workspace, as `file:line` of the sources. */
export function placesIn(stack: string, workspace: string): string[] {
  return [...stack.matchAll(/^\s+at .*?\(?((?:file:\/\/)?\/[^():]+):(\d+):(\d+)\)?$/gm)]
    .map(([, file, line, column]) => ({
      file: file!.startsWith('file:') ? fileURLToPath(file!) : file!,
      line: Number(line),
      column: Number(column),
    }))
    .filter(({ file }) => file.startsWith(`${workspace}/`) && !file.includes('/node_modules/'))
    .map(({ file, line, column }) => sourceOf(file, line, column, workspace));
}

function sourceOf(file: string, line: number, column: number, workspace: string): string {
  const map = `${file}.map`;
  if (existsSync(map)) {
    const payload = JSON.parse(readFileSync(map, 'utf8')) as ConstructorParameters<typeof SourceMap>[0];
    const entry = new SourceMap(payload).findEntry(line - 1, column - 1);
    if ('originalSource' in entry) {
      return `${relative(workspace, join(dirname(file), entry.originalSource))}:${entry.originalLine + 1}`;
    }
  }
  return `${relative(workspace, file)}:${line}`;
}
