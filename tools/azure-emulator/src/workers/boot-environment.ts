/*
 * A worker VM finds its environment in its custom data: base64 of lines `NAME=value`. Anything else (a cloud-init
 * document, say) is none of the emulator's business, and such a VM runs nothing.
 */
const LINE = /^([A-Z][A-Z0-9_]*)=(.*)$/;
/** Names that decide which code a process loads. */
const FORBIDDEN = /^(PATH|LD_.*|NODE_.*|BASH_ENV|ENV)$/;

export function parseBootEnvironment(
  customData: string | null,
): { environment: Readonly<Record<string, string>> } | { refused: string } {
  if (customData === null) return { refused: 'the VM has no custom data' };
  const environment: Record<string, string> = {};
  for (const line of Buffer.from(customData, 'base64').toString('utf8').split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    const [name, value] = [match?.[1], match?.[2]];
    if (name === undefined || value === undefined) return { refused: 'the custom data is not lines NAME=value' };
    if (FORBIDDEN.test(name)) return { refused: `the custom data sets ${name}, which a worker may not` };
    environment[name] = value;
  }
  if (Object.keys(environment).length === 0) return { refused: 'the custom data names no variable' };
  return { environment };
}

export const MOST_PROCESSES = 16;

/** @param least whatever the VM itself asks for */
export function processCount(environment: Readonly<Record<string, string>>, least = 1): number {
  const count = Number(environment['LANDFALL_MOVER_PROCESSES'] ?? '1');
  return Number.isInteger(count) && count >= least ? Math.min(count, MOST_PROCESSES) : least;
}
