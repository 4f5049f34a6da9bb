import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchDebianKernel, makeRootFolder, packInitrd, type DebianKernel } from './debian-kernel.js';
import { GUEST_INIT, GUEST_MODULES } from './guest-init.js';
import { BootImageUnavailable, runProgram } from './programs.js';

/*
 * A disk that boots with a BIOS and with UEFI alike:
 *
 *   LBA 0      GRUB's boot.img, which loads
 *   LBA 34     GRUB's core.img, in a BIOS boot partition
 *   1 MiB      EFI system partition, FAT: EFI/BOOT/BOOTX64.EFI (GRUB again), grub.cfg, Debian's kernel, an initial RAM disk
 *
 * Everything is made with Debian's own programs, without a mount, and without rights that a user does not have.
 */
const MIB = 1024 * 1024;
const SECTOR = 512;
const CORE_LBA = 34;
const ESP_START = MIB;
const ESP_SIZE = 40 * MIB;
const LABEL = 'GUEST';
const GRUB = '/usr/lib/grub';
const GRUB_MODULES =
  'part_gpt part_msdos fat normal configfile linux search search_label serial terminal echo ls'.split(' ');
/** Shows on the console which disks the firmware sees. */
const GRUB_CONFIG = `echo "grub: disks"\nls\nsearch --label ${LABEL} --set=root\nconfigfile /grub.cfg\n`;

export interface BootImageOptions {
  /** What the guest does when it is up; `stay` until its power button is pressed. */
  readonly then: 'off' | 'stay';
  readonly sizeBytes: number;
}

/** Takes the kernel once; makes any number of images with it. */
export class BootImages {
  private constructor(
    private readonly folder: string,
    private readonly kernel: DebianKernel,
  ) {}

  /** @throws BootImageUnavailable with what this machine lacks */
  static async open(): Promise<BootImages> {
    const folder = mkdtempSync(join(tmpdir(), 'landfall-boot-image-'));
    chmodSync(folder, 0o755); // apt downloads as a user of its own
    try {
      for (const part of ['i386-pc/boot.img', 'x86_64-efi/moddep.lst']) requireGrub(part);
      const kernel = await fetchDebianKernel(folder);
      const images = new BootImages(folder, kernel);
      await images.prepare();
      return images;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async make(path: string, options: BootImageOptions): Promise<void> {
    writeFileSync(path, '', { mode: 0o600 });
    truncateSync(path, ESP_START + ESP_SIZE + MIB);
    const first = `label: gpt\nfirst-lba: ${CORE_LBA}\n`;
    const bios = `start=${CORE_LBA}, size=${ESP_START / SECTOR - CORE_LBA}, type=21686148-6449-6E6F-744E-656564454649\n`;
    const esp = `start=${ESP_START / SECTOR}, size=${ESP_SIZE / SECTOR}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n`;
    await runProgram('sfdisk', ['--quiet', path], { input: first + bios + esp });
    const format = ['-n', LABEL, '--offset', String(ESP_START / SECTOR), path, String(ESP_SIZE / 1024)];
    await runProgram('mkfs.vfat', format);
    const configuration = join(this.folder, 'grub.cfg');
    const command = `linux /vmlinuz console=ttyS0,115200 quiet panic=10 guest.then=${options.then}`;
    writeFileSync(configuration, `${command}\ninitrd /initrd.gz\nboot\n`);
    const image = `${path}@@${ESP_START}`;
    await runProgram('mmd', ['-i', image, '::/EFI', '::/EFI/BOOT']);
    for (const [from, to] of [
      [join(this.folder, 'grub.efi'), 'EFI/BOOT/BOOTX64.EFI'],
      [this.kernel.image, 'vmlinuz'],
      [join(this.folder, 'initrd.gz'), 'initrd.gz'],
      [configuration, 'grub.cfg'],
    ] as const) {
      await runProgram('mcopy', ['-i', image, from, `::/${to}`]);
    }
    embedGrub(path, readFileSync(join(this.folder, 'core.img')));
    truncateSync(path, options.sizeBytes);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async prepare(): Promise<void> {
    const root = join(this.folder, 'root');
    mkdirSync(root);
    await makeRootFolder(this.kernel, GUEST_MODULES, root);
    writeFileSync(join(root, 'init'), GUEST_INIT, { mode: 0o755 });
    await packInitrd(root, join(this.folder, 'initrd.gz'));
    const configuration = join(this.folder, 'early.cfg');
    writeFileSync(configuration, GRUB_CONFIG);
    for (const [format, extra, output] of [
      ['i386-pc', 'biosdisk', 'core.img'],
      ['x86_64-efi', 'efi_gop', 'grub.efi'],
    ] as const) {
      const to = ['-O', format, '-o', join(this.folder, output)];
      await runProgram('grub-mkimage', [...to, '-c', configuration, '-p', '/grub', ...GRUB_MODULES, extra]);
    }
  }
}

function requireGrub(part: string): void {
  try {
    readFileSync(join(GRUB, part));
  } catch {
    throw new BootImageUnavailable(`${join(GRUB, part)} is missing (Debian: grub-pc-bin and grub-efi-amd64-bin)`);
  }
}

/** Writes boot.img around what LBA 0 holds already, and core.img behind it, each told where it goes on. */
function embedGrub(path: string, core: Buffer): void {
  const boot = readFileSync(join(GRUB, 'i386-pc', 'boot.img'));
  const file = openSync(path, 'r+');
  try {
    const before = Buffer.alloc(SECTOR);
    readSync(file, before, 0, SECTOR, 0);
    before.copy(boot, 0x03, 0x03, 0x5a);
    before.copy(boot, 0x1b8, 0x1b8, 0x1fe);
    boot.writeBigUInt64LE(BigInt(CORE_LBA), 0x5c);
    boot[0x64] = 0xff; // the drive that it was booted from
    boot.fill(0x90, 0x66, 0x68); // no detour for broken floppy drives
    core.fill(0, 0x1e8, 0x1f4);
    core.writeBigUInt64LE(BigInt(CORE_LBA + 1), 0x1f4);
    core.writeUInt16LE(Math.ceil(core.length / SECTOR) - 1, 0x1fc);
    core.writeUInt16LE(0x0820, 0x1fe); // the segment that the rest is loaded to
    writeSync(file, boot, 0, SECTOR, 0);
    writeSync(file, core, 0, core.length, CORE_LBA * SECTOR);
  } finally {
    closeSync(file);
  }
}
