import type { Architecture, ByteReader } from '@landfall/domain';
import { readHead, readExactly, WindowReader } from '../readers.js';
import { FatFileSystem, readFatGeometry, type FatEntry } from '../file-systems/fat.js';
import type { BootEvidence, Content, ContentState } from '../inspection.js';
import type { Partition } from '../partitions/partition.js';
import type { PartitionTable } from '../partitions/table.js';
import type { Findings } from '../findings.js';

/*
 * With which firmware a disk boots, by what is on it:
 *
 *   UEFI   an EFI system partition (GPT type, or MBR type ef) with a loader: EFI/BOOT/BOOTX64.EFI or EFI/VENDOR/….efi; or any
 *          other FAT with EFI/BOOT/BOOTX64.EFI, because firmware goes by what it finds there
 *   BIOS   boot code in the first sector, and something that it can go on with:
 *          MBR: an active partition, or it is GRUB's (which knows the sector of its next stage)
 *          GPT: a BIOS boot partition that is not empty, a partition flagged for legacy boot, or it is GRUB's
 *
 * Boot code alone is no evidence: partitioning tools write some on data disks, too.
 */
export const ESP_GPT = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const ESP_MBR = 'ef';
const BIOS_BOOT = '21686148-6449-6E6F-744E-656564454649';
const BOOT_CODE_BYTES = 440;
const MOST_LOADER_DIRECTORIES = 64;

export interface BootFindings {
  readonly evidence: readonly BootEvidence[];
  /** Directories below EFI that have a loader, such as `debian` or `Microsoft`. */
  readonly vendors: readonly string[];
}

export interface PartitionOnDisk extends Partition {
  readonly content: Content | null;
  readonly inner: Content | null;
  readonly state: ContentState;
}

export async function findBootEvidence(
  disk: ByteReader,
  name: string,
  table: PartitionTable,
  partitions: readonly PartitionOnDisk[],
  findings: Findings,
): Promise<BootFindings> {
  const evidence: BootEvidence[] = [];
  const bios = await biosEvidence(disk, table);
  // Azure's Arm64 VMs have UEFI alone.
  if (bios !== null) evidence.push({ firmware: 'bios', disk: name, evidence: bios, architecture: 'x64' });
  const vendors: string[] = [];
  for (const partition of partitions) {
    const isEsp = partition.type === (table.kind === 'gpt' ? ESP_GPT : ESP_MBR);
    // Firmware sees no RAID either: it reads a member that begins with the file system.
    if (partition.content?.type !== 'vfat' && partition.inner?.type !== 'vfat') continue;
    const found = await findLoaders(new WindowReader(disk, partition.startByte, partition.sizeBytes));
    const loaders = isEsp ? found : found.filter((loader) => FALLBACKS.some((fallback) => isNamed(loader, fallback)));
    const [first] = loaders;
    if (first === undefined) continue;
    vendors.push(...new Set(loaders.map((loader) => loader.vendor)));
    const processors = new Set(loaders.map(processorOf).filter((processor) => processor !== null));
    const architecture = architectureOf(processors);
    evidence.push({
      firmware: 'uefi',
      disk: name,
      evidence: `partition ${partition.number} holds EFI/${first.vendor}/${first.file}`,
      architecture,
    });
    const place = `The EFI system partition ${partition.number} of ${name}`;
    if (processors.size > 0 && !processors.has('x64') && !processors.has('Arm64')) {
      findings.problem(
        'ARCHITECTURE',
        `${place} has boot loaders for ${[...processors].join(' and ')} only (${first.file}), and Azure has no such processors.`,
        'Restore its disks with --disks-only, to read them from another machine.',
      );
      continue;
    }
    if (architecture === 'Arm64') {
      findings.problem(
        'ARCHITECTURE',
        `${place} has boot loaders for Arm64 only (${first.file}): the VM needs a size with such processors.`,
        'Nothing has to be done where --size is left out; else name a size with Arm64 processors.',
        'warning',
      );
    }
    const fallback = FALLBACK[architecture ?? 'x64'];
    if (!loaders.some((loader) => isNamed(loader, fallback))) {
      findings.problem(
        'NO_FALLBACK_LOADER',
        `${place} has no EFI/BOOT/${fallback}, which is all that a new machine looks for.`,
        'Copy the boot loader there before the backup, or into the restored disk.',
      );
    }
  }
  return { evidence, vendors };
}

async function biosEvidence(disk: ByteReader, table: PartitionTable): Promise<string | null> {
  const code = table.bootSector.subarray(0, BOOT_CODE_BYTES);
  if (code.every((byte) => byte === 0)) return null;
  if (code.includes('GRUB')) return "the first sector holds GRUB's boot code";
  for (const partition of table.partitions) {
    if (table.kind === 'mbr' && partition.bootable && partition.number <= 4) {
      return `the first sector holds boot code, and partition ${partition.number} is active`;
    }
    if (table.kind !== 'gpt') continue;
    if (partition.bootable) {
      return `the first sector holds boot code, and partition ${partition.number} is flagged for legacy boot`;
    }
    const start = await readExactly(disk, partition.startByte, 512);
    if (partition.type === BIOS_BOOT && start?.some((byte) => byte !== 0) === true) {
      return `the first sector holds boot code, and partition ${partition.number} is a BIOS boot partition`;
    }
  }
  return null;
}

interface Loader {
  readonly vendor: string;
  readonly file: string;
}

async function findLoaders(partition: ByteReader): Promise<readonly Loader[]> {
  const geometry = readFatGeometry(await readHead(partition, 512), partition.sizeBytes);
  if (geometry === null) return [];
  const fat = new FatFileSystem(partition, geometry);
  const vendors = ((await fat.directory('EFI')) ?? []).filter((entry) => entry.directory);
  const loaders: Loader[] = [];
  for (const vendor of vendors.slice(0, MOST_LOADER_DIRECTORIES)) {
    const files = await fat.below(vendor);
    loaders.push(...files.filter(isProgram).map((file) => ({ vendor: vendor.name, file: file.name })));
    // Windows keeps its loader one level deeper.
    const directory = files.find((entry) => entry.directory && entry.name.toLowerCase() === 'boot');
    if (directory !== undefined) {
      const deeper = await fat.below(directory);
      loaders.push(
        ...deeper.filter(isProgram).map((file) => ({ vendor: vendor.name, file: `${directory.name}/${file.name}` })),
      );
    }
  }
  const first = (loader: Loader): number => Number(FALLBACKS.some((fallback) => isNamed(loader, fallback)));
  return loaders.toSorted((a, b) => first(b) - first(a));
}

function isProgram(entry: FatEntry): boolean {
  return !entry.directory && entry.sizeBytes > 0 && /\.efi$/i.test(entry.name);
}

/** What firmware that knows nothing of the machine looks for in EFI/BOOT. */
const FALLBACK: Readonly<Record<Architecture, string>> = { x64: 'BOOTX64.EFI', Arm64: 'BOOTAA64.EFI' };
const FALLBACKS = Object.values(FALLBACK);

function isNamed({ vendor, file }: Loader, fallback: string): boolean {
  return vendor.toUpperCase() === 'BOOT' && file.toUpperCase() === fallback;
}

function architectureOf(processors: ReadonlySet<string>): Architecture | null {
  if (processors.has('x64') === processors.has('Arm64')) return null;
  return processors.has('x64') ? 'x64' : 'Arm64';
}

/** By the endings that UEFI gives its processors (section 3.5.1.1). */
const PROCESSORS: Readonly<Record<string, string>> = {
  x64: 'x64',
  aa64: 'Arm64',
  arm: 'ARM',
  ia32: 'IA-32',
  riscv64: 'RISC-V',
};

/** Null for a name that does not tell it. */
function processorOf({ file }: Loader): string | null {
  const ending = /(x64|aa64|arm|ia32|riscv64)\.efi$/i.exec(file)?.[1];
  return ending === undefined ? null : PROCESSORS[ending.toLowerCase()]!;
}
