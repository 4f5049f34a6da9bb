import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BootImageUnavailable, runProgram } from './programs.js';

/*
 * Debian's kernel for clouds, taken out of its package without installing it, and busybox to make a system of.
 */
const META_PACKAGE = 'linux-image-cloud-amd64';
const BUSYBOX = '/bin/busybox';

export interface DebianKernel {
  readonly version: string;
  readonly image: string;
  /** The folder that holds `lib/modules/VERSION`. */
  readonly root: string;
}

/** @throws BootImageUnavailable */
export async function fetchDebianKernel(folder: string): Promise<DebianKernel> {
  if (!existsSync(BUSYBOX)) throw new BootImageUnavailable('busybox is not installed (Debian: busybox-static)');
  const name = await kernelPackage();
  await download(name, folder);
  const file = readdirSync(folder).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith('.deb'));
  if (file === undefined) throw new BootImageUnavailable(`the package ${name} could not be downloaded`);
  const root = join(folder, 'kernel');
  await runProgram('dpkg-deb', ['--extract', join(folder, file), root]);
  const [version] = readdirSync(join(root, 'lib', 'modules'));
  if (version === undefined) throw new BootImageUnavailable(`the package ${name} holds no modules`);
  await runProgram(BUSYBOX, ['depmod', '-b', root, version]);
  return { version, root, image: join(root, 'boot', `vmlinuz-${version}`) };
}

async function kernelPackage(): Promise<string> {
  const depends = await runProgram('apt-cache', ['depends', META_PACKAGE]).catch((error: unknown) => {
    throw new BootImageUnavailable(`Debian's packages are not known here: ${(error as Error).message}`);
  });
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new BootImageUnavailable(`there is no package ${META_PACKAGE} in Debian's lists here`);
  return name;
}

async function download(name: string, folder: string): Promise<void> {
  try {
    await runProgram('apt-get', ['download', name], { cwd: folder });
  } catch (error) {
    throw new BootImageUnavailable(`the package ${name} can't be had: ${(error as Error).message}`);
  }
}

/** Makes `target` a root folder with busybox, these modules and all that they need. */
export async function makeRootFolder(kernel: DebianKernel, modules: readonly string[], target: string): Promise<void> {
  const modulesFolder = join('lib', 'modules', kernel.version);
  mkdirSync(join(target, 'bin'), { recursive: true });
  mkdirSync(join(target, modulesFolder), { recursive: true });
  copyFileSync(BUSYBOX, join(target, 'bin', 'busybox'));
  const lines = readFileSync(join(kernel.root, modulesFolder, 'modules.dep'), 'utf8').split('\n');
  for (const module of modules) {
    const line = lines.find((candidate) => candidate.includes(`/${module}.ko:`));
    if (line === undefined) continue; // built into the kernel
    for (const file of line.replace(':', '').trim().split(' ')) {
      mkdirSync(dirname(join(target, modulesFolder, file)), { recursive: true });
      copyFileSync(join(kernel.root, modulesFolder, file), join(target, modulesFolder, file));
    }
  }
  await runProgram(BUSYBOX, ['depmod', '-b', target, kernel.version]);
}

/** The folder as an initial RAM disk. */
export async function packInitrd(root: string, target: string): Promise<void> {
  const script = `find . | ${BUSYBOX} cpio -o -H newc | gzip -1 > "$1"`;
  await runProgram('sh', ['-c', script, 'sh', target], { cwd: root });
}
