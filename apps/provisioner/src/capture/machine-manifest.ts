import type { Inspection } from '@landfall/disk';
import type { Capture, SavedResource, SavedVm } from '@landfall/domain';
import { MANIFEST_SCHEMA, type MachineManifestInput } from '@landfall/repository/manifest';
import type { CapturedVm } from './source-vm.js';
import { spreadOverDisks } from './spread.js';

/** What `machine.json` says of a captured VM: its whole model, word for word, and which image is which disk. */
export function manifestOf(
  capture: Capture,
  vm: CapturedVm,
  saved: SavedVm,
  inspection: Inspection,
): MachineManifestInput {
  const spread = capture.oneState === true ? [] : spreadOverDisks(inspection);
  const family = inspection.os?.family ?? vm.osFamily;
  return {
    schema: MANIFEST_SCHEMA,
    name: vm.name,
    kind: 'image',
    level: 'computer',
    ...(family === null ? {} : { os: inspection.os ?? { family } }),
    ...(vm.firmware === null ? {} : { firmware: vm.firmware }),
    ...(capture.takenAt === null ? {} : { takenAt: capture.takenAt.toISOString() }),
    disks: capture.disks.map(({ name, role, lun, sizeBytes, file }) => {
      const { sku = null, caching = null } = vm.disks.find((disk) => disk.name === name) ?? {};
      return { file: file ?? '', name, role, sizeBytes, ...(lun === null ? {} : { lun }), sku, caching };
    }),
    ...(spread.length === 0 ? {} : { notOneState: spread }),
    azure: {
      vmId: vm.source.instanceId,
      id: vm.source.azureId,
      tags: saved.vm.body['tags'] ?? {},
      vm: saved.vm.body,
      ...{ disks: bodies(saved.disks), nics: bodies(saved.nics) },
      ...{ publicIps: bodies(saved.publicIps), extensions: bodies(saved.extensions) },
      apiVersions: Object.fromEntries(
        Object.entries({ vm: [saved.vm], ...partsOf(saved) }).map(([kind, all]) => [kind, all[0]?.apiVersion ?? null]),
      ),
    },
  };
}

function partsOf({ disks, nics, publicIps, extensions }: SavedVm) {
  return { disks, nics, publicIps, extensions };
}

function bodies(resources: readonly SavedResource[]): unknown[] {
  return resources.map(({ body }) => body);
}
