import { readFile, realpath } from 'node:fs/promises';
import { basename } from 'node:path';

/*
 * What Linux knows of its block devices; `stat` gives 0 as their size. This module stands alone, so that a program that
 * only writes to a disk need not load the readers of what lies on it.
 */

/** The kernel counts in sectors of 512 bytes, whatever the device's own are. */
const KERNEL_SECTOR_BYTES = 512;

/** Bytes of the block device at this path, or that a link there points to. @throws what reading /sys throws */
export async function blockDeviceSize(path: string): Promise<number> {
  return Number(await readFile(`${await folderOf(path)}/size`, 'latin1')) * KERNEL_SECTOR_BYTES;
}

/** Bytes of one of its own sectors; 512 for a partition, which has no queue of its own. */
export async function blockDeviceSectorSize(path: string): Promise<number> {
  return Number(await readFile(`${await folderOf(path)}/queue/logical_block_size`, 'latin1').catch(() => '512'));
}

async function folderOf(path: string): Promise<string> {
  return `/sys/class/block/${basename(await realpath(path))}`;
}
