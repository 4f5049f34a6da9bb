import { execFile } from 'node:child_process';
import { programOf } from '@landfall/config';
import { boundedMap } from '@landfall/pipeline';

const AT_ONCE = 2;
const WITHIN_MS = 120_000;

/**
 * Fills a folder for `NODE_COMPILE_CACHE`: processes are started hundreds of times here, and what was compiled once is not
 * compiled again. The first process of a kind that ends by itself writes thousands of files; done beforehand, that takes no
 * time of a trial which asks all of them to end.
 */
export async function compileOnce(folder: string): Promise<void> {
  await boundedMap(['api', 'planner', 'provisioner', 'finalizer', 'data-mover'], AT_ONCE, (app) =>
    compile(folder, app),
  );
}

/** Without any setting it loads its modules, and ends. */
function compile(folder: string, app: string): Promise<void> {
  const options = { env: { NODE_COMPILE_CACHE: folder }, timeout: WITHIN_MS };
  return new Promise((resolve) => {
    execFile(process.execPath, [programOf(app)], options, () => resolve());
  });
}
