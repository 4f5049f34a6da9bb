import { fileURLToPath } from 'node:url';

/**
 * The program of the API, a service or the data-mover (`finalizer`, `data-mover`), as a path to start with Node. It is what
 * tools/packing has made of `dist/main.js` and all that it loads; the build makes it.
 */
export function programOf(name: string): string {
  return fileURLToPath(new URL(`../../../.build/programs/${name}.js`, import.meta.url));
}
