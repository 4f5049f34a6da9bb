import { relative } from 'node:path';
import type { run } from 'node:test';
import { inspect } from 'node:util';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Prints a line for each file and a block for each failure, and counts tests (not suites). */
export async function report(stream: ReturnType<typeof run>, workspace: string): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const event of stream) {
    if (event.type === 'test:pass' && event.data.details.type !== 'suite') {
      if (event.data.skip === undefined) counts.passed += 1;
      else {
        counts.skipped += 1;
        console.log(
          `  skipped: ${event.data.name}${typeof event.data.skip === 'string' ? ` (${event.data.skip})` : ''}`,
        );
      }
    } else if (event.type === 'test:fail' && event.data.details.type !== 'suite') {
      counts.failed += 1;
      console.log(`\nFAILED  ${event.data.name}\n        ${place(workspace, event.data.file, event.data.line)}`);
      console.log(indent(reason(event.data.details.error)));
    } else if (event.type === 'test:summary' && event.data.file !== undefined) {
      const { tests } = event.data.counts;
      const seconds = (event.data.duration_ms / 1000).toFixed(1);
      console.log(
        `${event.data.success ? 'ok  ' : 'FAIL'}  ${relative(workspace, event.data.file)} (${tests} tests, ${seconds} s)`,
      );
    } else if (event.type === 'test:stderr' || event.type === 'test:stdout') {
      if (process.env.LANDFALL_TEST_OUTPUT !== undefined) process.stderr.write(event.data.message);
    }
  }
  return counts;
}

function reason(error: Error): string {
  return inspect(error.cause ?? error, { depth: 6 });
}

function place(workspace: string, file: string | undefined, line: number | undefined): string {
  return file === undefined ? '' : `${relative(workspace, file)}${line === undefined ? '' : `:${line}`}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, '        ');
}
