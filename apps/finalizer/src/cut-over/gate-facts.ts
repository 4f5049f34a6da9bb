import { CLAIM_TAG, tagOf, type GateChecks, type ObservedFacts, type SavedResource } from '@landfall/domain';
import { boundedMap, type StepContext } from '@landfall/pipeline';
import { modelOf, recordOf, replacedBy, type CutOverPorts } from './ports.js';
import { longestStop } from './stop-and-take.js';

/*
 * What is found out right before the gate. What can't be, is null there, and lets nobody pass.
 */
const LOOKS_AT_ONCE = 16;

export async function gateFacts(ports: CutOverPorts, context: StepContext, checks: GateChecks): Promise<ObservedFacts> {
  const { cloud } = ports;
  const { restore, plan, outputOf } = context;
  const replaced = replacedBy(context);
  const record = await recordOf(ports, restore.id);
  const model = modelOf(ports, restore.id, record);
  const [vm, parts, now] = await Promise.all([
    cloud.reader.vm(replaced.azureId),
    cloud.reader.parts(replaced.azureId),
    cloud.reader.savedVm(replaced.azureId),
  ]);
  const attached =
    vm === null ? null : [...(vm.osDiskId === null ? [] : [vm.osDiskId]), ...vm.dataDisks.map(({ diskId }) => diskId)];
  const disks =
    attached &&
    (await boundedMap(attached, LOOKS_AT_ONCE, async (azureId) => {
      const disk = await cloud.reader.disk(azureId);
      const taken = record.snapshots.find(({ uniqueId }) => uniqueId === disk?.uniqueId);
      return { azureId, ownership: { atSnapshot: taken?.ownership ?? null, now: disk?.ownershipUpdatedAt ?? null } };
    }));
  const created = outputOf('create-empty-disks').disks;
  return {
    source: {
      recordedInstanceId: replaced.instanceId,
      instanceId: vm?.instanceId ?? null,
      powerState: vm?.powerState ?? null,
      claimedBy: vm === null ? null : tagOf(vm.tags, CLAIM_TAG),
      disks,
      nicIds: vm?.nicIds ?? null,
      addressIds: now === null ? null : idsOf(now.publicIps),
      parts,
    },
    stop: {
      at: record.stoppedAt,
      longestSeconds: longestStop(record, plan.options.maxStopSeconds),
      outageSeconds: plan.estimates.outageSeconds ?? null,
    },
    checks,
    snapshots: await boundedMap(record.snapshots, LOOKS_AT_ONCE, async ({ diskId, snapshotId }) => {
      const snapshot = await cloud.reader.snapshot(snapshotId);
      const { provisioningState = null, completionPercent = null } = snapshot ?? {};
      return { diskId: snapshot?.diskId ?? diskId, provisioningState, completionPercent };
    }),
    saved: {
      instanceId: instanceIdOf(model.vm),
      diskIds: idsOf(model.disks),
      nicIds: idsOf(model.nics),
      addressIds: idsOf(model.publicIps),
      hasTags: true,
    },
    restored: await boundedMap(restore.disks, LOOKS_AT_ONCE, async ({ name, azureId }) => {
      const disk = azureId === null ? null : await cloud.reader.disk(azureId);
      const noted = created.find((each) => each.name === name)?.uniqueId ?? null;
      return { name, diskState: disk?.diskState ?? null, uniqueId: { noted, now: disk?.uniqueId ?? null } };
    }),
  };
}

function idsOf(resources: readonly SavedResource[]): readonly string[] {
  return resources.map(({ azureId }) => azureId);
}

function instanceIdOf({ body }: SavedResource): string | null {
  const { properties } = body;
  const id =
    typeof properties === 'object' && properties !== null ? (properties as Record<string, unknown>)['vmId'] : null;
  return typeof id === 'string' ? id : null;
}
