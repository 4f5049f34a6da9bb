/*
 * What types of partitions are called. GPT: UEFI specification, section 5.3.3, Microsoft's PARTITION_INFORMATION_GPT, the
 * Discoverable Partitions Specification; MBR: what fdisk of util-linux lists.
 */
const GPT: Readonly<Record<string, string>> = {
  'C12A7328-F81F-11D2-BA4B-00A0C93EC93B': 'EFI system',
  '21686148-6449-6E6F-744E-656564454649': 'BIOS boot',
  'E3C9E316-0B5C-4DB8-817D-F92DF00215AE': 'Microsoft reserved',
  'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7': 'Microsoft basic data',
  'DE94BBA4-06D1-4D40-A16A-BFD50179D6AC': 'Windows recovery',
  '5808C8AA-7E8F-42E0-85D2-E1E90434CFB3': 'Windows dynamic disk (LDM), metadata',
  'AF9B60A0-1431-4F62-BC68-3311714A69AD': 'Windows dynamic disk (LDM), data',
  'E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D': 'Windows Storage Spaces',
  '0FC63DAF-8483-4772-8E79-3D69D8477DE4': 'Linux',
  '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F': 'Linux swap',
  'E6D6D379-F507-44C2-A23C-238F2A3DF928': 'Linux LVM',
  'A19D880F-05FC-4D3B-A006-743F0F84911E': 'Linux RAID',
  'CA7D7CCB-63ED-4C53-861C-1742536059CC': 'Linux LUKS',
  'BC13C2FF-59E6-4262-A352-B275FD6F7172': 'Linux extended boot',
  '933AC7E1-2EB4-4F13-B844-0E14E2AEF915': 'Linux home',
  '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709': 'Linux root (x86-64)',
  'B921B045-1DF0-41C3-AF44-4C6F280D3FAE': 'Linux root (ARM64)',
  '9D275380-40AD-11DB-BF97-000C2911D1B8': 'VMware ESX',
};

const MBR: Readonly<Record<string, string>> = {
  '1': 'FAT12',
  '4': 'FAT16',
  '5': 'extended',
  '6': 'FAT16',
  '7': 'NTFS or exFAT',
  b: 'FAT32',
  c: 'FAT32 (LBA)',
  e: 'FAT16 (LBA)',
  f: 'extended (LBA)',
  '27': 'Windows recovery',
  '42': 'Windows dynamic disk (LDM)',
  '82': 'Linux swap',
  '83': 'Linux',
  '85': 'Linux extended',
  '8e': 'Linux LVM',
  a5: 'FreeBSD',
  ee: 'GPT protective',
  ef: 'EFI system',
  fd: 'Linux RAID',
};

/** @param type as an inspection has it */
export function typeNameOf(table: 'gpt' | 'mbr', type: string): string | null {
  return (table === 'gpt' ? GPT : MBR)[type] ?? null;
}

const LDM = new Set(['5808C8AA-7E8F-42E0-85D2-E1E90434CFB3', 'AF9B60A0-1431-4F62-BC68-3311714A69AD', '42']);
const STORAGE_SPACES = 'E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D';

/** What a partition of this type holds, whatever its bytes look like: what lies in it is spread by a list of Windows' own. */
export function containerOf(type: string): 'LDM' | 'StorageSpaces' | null {
  if (LDM.has(type)) return 'LDM';
  return type === STORAGE_SPACES ? 'StorageSpaces' : null;
}
