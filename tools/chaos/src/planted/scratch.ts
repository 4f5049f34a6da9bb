import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, link, mkdir, mkdtemp, readFile, readdir, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/*
 * A copy of the built workspace to spoil: its files are hard links, one of them is replaced at a time. What is not of the
 * workspace is linked to, and the workspace itself is never written.
 */
const GROUPS = ['libs', 'apps', 'tools'];
/** Of a project: copied, or not needed. All else of it is linked to. */
const OWN = ['package.json', 'dist', 'src'];
const JEST_CONFIG = 'jest.config.mjs';

/** One place in the sources. */
export interface Change {
  readonly file: string;
  readonly original: string;
  readonly replacement: string;
}

export class Scratch {
  private constructor(
    private readonly workspace: string,
    readonly folder: string,
  ) {}

  static async make(workspace: string): Promise<Scratch> {
    const folder = await mkdtemp(join(tmpdir(), 'landfall-planted-'));
    const scratch = new Scratch(workspace, folder);
    for (const group of GROUPS) {
      for (const project of await readdir(join(workspace, group))) await scratch.#take(join(group, project));
    }
    await scratch.#linkPackages();
    await scratch.#linkTheRest();
    return scratch;
  }

  /** Puts changes in. Returns what takes them out again. @throws Error when an original text is not there exactly once */
  async plant(changes: readonly Change[]): Promise<() => Promise<void>> {
    const spoiled = new Map<string, string>();
    for (const { file, original, replacement } of changes) {
      const source = spoiled.get(file) ?? (await readFile(join(this.workspace, file), 'utf8'));
      const found = source.split(original).length - 1;
      if (found !== 1) throw new Error(`${file} has the original text ${found} times: plant the bug anew.`);
      spoiled.set(
        file,
        source.replace(original, () => replacement),
      );
    }
    for (const [file, source] of spoiled) await this.#replace(file, source);
    return async () => {
      for (const file of spoiled.keys()) await this.#putBack(file);
    };
  }

  async #replace(file: string, source: string): Promise<void> {
    const spoiled = ts.transpileModule(source, { compilerOptions: COMPILER });
    const target = join(this.folder, builtOf(file));
    await unlink(target);
    await writeFile(target, spoiled.outputText);
  }

  async #putBack(file: string): Promise<void> {
    const target = join(this.folder, builtOf(file));
    await unlink(target);
    await link(join(this.workspace, builtOf(file)), target);
  }

  /** Runs Node in the copy. Returns its exit code, and the end of what it printed. */
  run(parameters: readonly string[], withinMs: number): Promise<{ code: number | null; output: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, parameters, { cwd: this.folder, timeout: withinMs, killSignal: 'SIGKILL' });
      let output = '';
      const note = (chunk: Buffer): void => {
        output = (output + chunk.toString()).slice(-4_000);
      };
      child.stdout.on('data', note);
      child.stderr.on('data', note);
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output }));
    });
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  async #take(project: string): Promise<void> {
    const from = join(this.workspace, project);
    if (!existsSync(join(from, 'package.json')) || !existsSync(join(from, 'dist'))) return;
    const to = join(this.folder, project);
    await mkdir(to, { recursive: true });
    await cp(join(from, 'package.json'), join(to, 'package.json'));
    for (const name of await readdir(from)) {
      if (!OWN.includes(name)) await symlink(join(from, name), join(to, name));
    }
    for (const entry of await readdir(join(from, 'dist'), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const copy = join(to, relative(from, path));
      if (entry.isFile()) {
        await mkdir(dirname(copy), { recursive: true });
        await link(path, copy).catch(() => cp(path, copy));
      }
    }
  }

  /** What tests look for beside the packages, such as migrations and documentation. */
  async #linkTheRest(): Promise<void> {
    // Jest takes the folder in which its configuration really lies for the one to test.
    await cp(join(this.workspace, JEST_CONFIG), join(this.folder, JEST_CONFIG));
    for (const name of await readdir(this.workspace)) {
      const to = join(this.folder, name);
      if (!name.startsWith('.') && !existsSync(to)) await symlink(join(this.workspace, name), to);
    }
  }

  /** Packages of the workspace are those of the copy; all others are the ones that are installed. */
  async #linkPackages(): Promise<void> {
    const from = join(this.workspace, 'node_modules');
    const to = join(this.folder, 'node_modules');
    await mkdir(join(to, '@landfall'), { recursive: true });
    for (const name of await readdir(from)) {
      if (name !== '@landfall' && !name.startsWith('.')) await symlink(join(from, name), join(to, name));
    }
    for (const group of GROUPS) {
      for (const project of await readdir(join(this.folder, group))) {
        const { name } = JSON.parse(await readFile(join(this.folder, group, project, 'package.json'), 'utf8')) as {
          name: string;
        };
        await symlink(join('..', '..', group, project), join(to, name));
      }
    }
  }
}

const COMPILER: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.ESNext,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

function builtOf(file: string): string {
  return file.replace('/src/', '/dist/').replace(/\.ts$/, '.js');
}
