import { vmSize } from '../compute/size-catalogue.js';
import type { SettingValues } from '../settings/settings.js';
import type { VirtualMachineRecord } from '../state/records.js';

/** Bytes per second that a worker VM may write to its disks together; null: as fast as it goes. */
export function workerLimit(
  settings: Pick<SettingValues, 'workerBytesPerSecond' | 'bandwidthBySize'>,
  vm: VirtualMachineRecord,
): number | null {
  if (settings.workerBytesPerSecond !== null || !settings.bandwidthBySize) return settings.workerBytesPerSecond;
  const size = vmSize(vm.properties.hardwareProfile?.vmSize ?? '');
  return size === undefined ? null : size.uncachedMbPerSecond * 1e6;
}
