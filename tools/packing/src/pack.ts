import { readFile, rename, rm } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** Named by packages for those who have them; where they are missing, the packages go on without. */
const OPTIONAL = [
  '@fastify/static',
  '@nestjs/microservices',
  '@nestjs/websockets',
  'class-transformer',
  'class-validator',
  'pg-native',
];

/** At the head of each packed file: what modules of the older kind ask others by, and where the modules have come from. */
const PREAMBLE = `import { createRequire as requireFrom } from 'node:module';
import { fileURLToPath as pathOfModule } from 'node:url';
const require = requireFrom(import.meta.url);
const placeOfModule = (path) => new URL(path, import.meta.url);`;

/**
 * Packs programs into few files: each `NAME.js`, and what several have in common in files beside them. A start reads these instead
 * of two and a half thousand modules, and takes less than half of the time.
 *
 * Names of functions and classes stay as they are, for the framework that goes by them and for whoever reads a stack trace; what
 * a module finds beside its own file it finds there still.
 *
 * @param entries the modules that the programs begin with, by name
 * @param folder  replaced as a whole once all is packed
 * @throws what esbuild says, when a module can't be read or found
 */
export async function pack(entries: Readonly<Record<string, string>>, folder: string): Promise<void> {
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  await build({
    ...{ entryPoints: { ...entries }, outdir: fresh },
    ...{ bundle: true, splitting: true, platform: 'node', format: 'esm', target: 'node22', keepNames: true },
    external: OPTIONAL.flatMap((name) => [name, `${name}/*`]),
    plugins: [beside(fresh)],
    banner: { js: PREAMBLE },
    logLevel: 'warning',
  });
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
}

/** Each module goes on from its own place, wherever it has been packed to: decoding threads, migrations, a package's own files. */
function beside(folder: string): Plugin {
  return {
    name: 'beside',
    setup(packing) {
      packing.onLoad({ filter: /\.[cm]?js$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        const place = `placeOfModule(${JSON.stringify(relative(folder, path))})`;
        const moved = source.replaceAll(/\bimport\.meta\.url\b/g, `${place}.href`);
        const asks = (name: string): boolean =>
          new RegExp(`\\b${name}\\b`).test(source) && !new RegExp(`(var|let|const) ${name}\\b`).test(source);
        const names = [
          ...(asks('__filename') ? [`const __filename = pathOfModule(${place});`] : []),
          ...(asks('__dirname') ? [`const __dirname = pathOfModule(new URL('.', ${place}));`] : []),
        ];
        if (moved === source && names.length === 0) return undefined;
        return { contents: [...names, moved].join('\n'), resolveDir: dirname(path), loader: 'js' };
      });
    },
  };
}
