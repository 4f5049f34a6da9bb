import { describeCommands, runProgram } from '@landfall/cli/program';
import { givenAway } from '@landfall/testing';
import type { Call } from './calls.js';
import { SECRET, type Scene } from './scene.js';

/** Longer than a call waits for anything in a scene where everything answers at once. */
const HANGS_AFTER_MS = 20_000;
/** Done, bad input, refused, failed, not reached. */
const EXPECTED = [0, 2, 3, 4, 5];

/** Makes one call in this process. @returns what is wrong with how it has ended; sentences */
export async function runCall(scene: Scene, { words }: Call): Promise<readonly string[]> {
  let text = '';
  const write = (more: string): void => void (text += more);
  const interrupt = new AbortController();
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    interrupt.abort();
  }, HANGS_AFTER_MS);
  const faults: string[] = [];
  try {
    const terminal = { stdout: { write }, stderr: { write } };
    const code = await runProgram(describeCommands, words, { terminal, signal: interrupt.signal });
    if (!EXPECTED.includes(code) && !hung) faults.push(`it ended with ${code}: ${text.slice(0, 300)}`);
  } catch (error) {
    faults.push(`it threw ${String(error).slice(0, 300)}`);
  } finally {
    clearTimeout(timer);
  }
  if (hung) faults.push(`it did not end within ${HANGS_AFTER_MS / 1_000} s`);
  if (/UNEXPECTED|ROUTE_NOT_FOUND/.test(text)) faults.push(`it says ${text.slice(0, 300)}`);
  // What the caller has typed may be repeated; what stands in files may not.
  const said = words.filter((word) => word.includes(SECRET)).reduce((rest, word) => rest.replaceAll(word, ''), text);
  const given = givenAway(said);
  if (given !== null) faults.push(`it gives the secret away: ${given}`);
  if (/[^\P{Cc}\n]/u.test(text)) faults.push(`it writes control characters: ${JSON.stringify(text.slice(0, 300))}`);
  faults.push(
    ...scene.strayed.splice(0).map((address) => `it asked the API for ${address}, which is no address of it`),
  );
  return faults;
}
