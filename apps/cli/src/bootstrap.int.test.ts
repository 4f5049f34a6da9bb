import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * The script `landfall` in a folder with nothing else, on a PATH with nothing but what Debian always has. `node` and
 * `npm` are stand-ins that write down how they were called.
 */
const SCRIPT = fileURLToPath(new URL('../../../landfall', import.meta.url));
const SYSTEM = ['bash', 'cat', 'comm', 'cut', 'dirname', 'find', 'flock', 'head', 'id', 'mktemp', 'mv', 'readlink'];
const MORE_SYSTEM = ['rm', 'sha256sum', 'sleep', 'sort', 'tail', 'touch', 'mkdir', 'env'];

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the first call of ./landfall', () => {
  let folder: string;
  let root: string;
  let bin: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall bootstrap ')); // with blanks, as people have them
    root = join(folder, 'clone');
    bin = join(folder, 'bin');
    for (const part of ['apps/cli/src', 'libs', 'tools', 'prisma']) await mkdir(join(root, part), { recursive: true });
    await mkdir(bin);
    await copyFile(SCRIPT, join(root, 'landfall'));
    await writeFile(join(root, 'package.json'), '{}');
    await writeFile(join(root, 'package-lock.json'), '{"packages": {}}');
    await writeFile(join(root, 'tsconfig.json'), '{}');
    await writeFile(join(root, 'tsconfig.base.json'), '{}');
    await writeFile(join(root, 'apps/cli/src/main.ts'), '');
    for (const program of [...SYSTEM, ...MORE_SYSTEM]) {
      const at = await firstExisting(program);
      await symlink(at, join(bin, program));
    }
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function program(name: string, script: string): Promise<void> {
    await writeFile(join(bin, name), `#!/usr/bin/env bash\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }

  /** Stand-ins with which everything goes well; `calls` is what they were asked for. */
  async function goodPrograms(npm = ''): Promise<void> {
    await program(
      'npm',
      `echo "npm $*" >> "${root}/calls"\n${npm}\nmkdir -p node_modules/typescript libs/persistence/src/generated`,
    );
    await program(
      'node',
      `case $1 in
        --version) echo v24.1.0 ;;
        -e) exit 1 ;;
        *tsc) echo "tsc" >> "${root}/calls"; mkdir -p "${root}/apps/cli/dist"; touch "${root}/apps/cli/dist/main.js" ;;
        */packing/*) mkdir -p "${root}/.build/programs" ;;
        *) echo "ran: \${*:2} in $PWD" ;;
      esac`,
    );
  }

  function landfall(args: readonly string[], cwd = folder, script = join(root, 'landfall')): Promise<Finished> {
    return new Promise((resolve) => {
      execFile(join(bin, 'bash'), [script, ...args], { cwd, env: { PATH: bin } }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
    });
  }

  const calls = async () => (await readFile(join(root, 'calls'), 'utf8')).trim().split('\n');

  it('names Node and the remedy where there is none', async () => {
    const { code, stdout, stderr } = await landfall(['--help']);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/Node\.js is not installed/);
    expect(stderr).toMatch(/Install Node 20 or newer/);
  });

  it('names npm where only Node is there', async () => {
    await program('node', 'echo v22.20.0');
    const { code, stderr } = await landfall(['--help']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/npm is not installed/);
  });

  it('refuses a Node that is too old, by its version', async () => {
    await program('node', 'echo v18.19.1');
    await program('npm', 'exit 0');
    const { code, stderr } = await landfall(['--help']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Node 18\.19\.1 is too old/);
  });

  it("shows npm's output when it fails, and what to look at", async () => {
    await goodPrograms('echo "ENOTFOUND the registry"; exit 1');
    const { code, stdout, stderr } = await landfall(['--help']);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/ENOTFOUND the registry/);
    expect(stderr).toMatch(/npm ci failed/);
    expect(stderr).toMatch(/registry setting/);
  });

  it('installs and builds, then runs the command from where the user stands, and says so on standard error', async () => {
    await goodPrograms();
    const { code, stdout, stderr } = await landfall(['show', 'a b'], '/');
    assert.equal(code, 0, stderr);
    expect(stdout).toBe('ran: show a b in /\n');
    expect(stderr).toMatch(/installing packages/);
    expect(stderr).toMatch(/building/);
  });

  it('does nothing of it a second time, and runs through a link', async () => {
    await goodPrograms();
    await landfall(['show']);
    const before = await calls();
    await symlink(join(root, 'landfall'), join(folder, 'link'));
    const { stdout, stderr } = await landfall(['show'], folder, join(folder, 'link'));
    expect(stdout).toMatch(/^ran: show/);
    expect(stderr).toBe('');
    expect(await calls()).toStrictEqual(before);
  });

  it('installs again when the lock file has changed, and builds again when a source is newer or gone', async () => {
    await goodPrograms();
    await writeFile(join(root, 'apps/cli/src/gone.ts'), '');
    await landfall(['show']);
    await writeFile(join(root, 'package-lock.json'), '{"packages": {}, "lockfileVersion": 3}');
    await landfall(['show']);
    expect((await calls()).filter((call) => call.startsWith('npm ci')).length).toBe(2);

    const builds = async () => (await calls()).filter((call) => call === 'tsc').length;
    const before = await builds();
    const later = new Date(Date.now() + 60_000);
    await utimes(join(root, 'apps/cli/src/main.ts'), later, later);
    await landfall(['show']);
    expect(await builds()).toBe(before + 1);
    await utimes(join(root, 'apps/cli/src/main.ts'), new Date(0), new Date(0));

    await writeFile(join(root, 'apps/cli/dist/gone.js'), '');
    await rm(join(root, 'apps/cli/src/gone.ts'));
    await landfall(['show']);
    expect(await builds()).toBe(before + 2);
    await expect(readFile(join(root, 'apps/cli/dist/gone.js'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('installs once when it is called twice at once', async () => {
    await goodPrograms('sleep 0.3');
    const both = await Promise.all([landfall(['show']), landfall(['show'])]);
    expect(both.map(({ code }) => code)).toStrictEqual([0, 0]);
    expect((await calls()).filter((call) => call.startsWith('npm ci')).length).toBe(1);
    expect((await calls()).filter((call) => call === 'tsc').length).toBe(1);
  });

  it('names the program that a command needs where it can not install it', async () => {
    await goodPrograms();
    const { code, stderr } = await landfall(['up']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/"landfall up" needs .*redis-server/);
    expect(stderr).toMatch(/REDIS_URL/);
  });
});

async function firstExisting(program: string): Promise<string> {
  for (const folder of ['/usr/bin', '/bin']) {
    const path = join(folder, program);
    const there = await readFile(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  throw new Error(`${program} is on neither /usr/bin nor /bin`);
}
