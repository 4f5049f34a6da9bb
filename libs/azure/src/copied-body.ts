import type { VmCopySpec } from '@landfall/domain';
import { modelOf } from './model-rules.js';
import { recreatedBody } from './recreated-body.js';

/*
 * The body of a VM that is booted to see whether another one would: that one's, as it would be sent to make it anew, but for what a
 * second machine may not have at the same time, or would act on the world with.
 */

/** Places that are counted or taken: a set, a host, a reservation. Where a machine stands is nothing to whether it boots. */
const PLACES = [
  ...['availabilitySet', 'virtualMachineScaleSet', 'platformFaultDomain', 'proximityPlacementGroup'],
  ...['host', 'hostGroup', 'capacityReservation', 'resiliencyProfile'],
];

/** What runs in the guest at Azure's behest. */
const ERRANDS = ['userData', 'applicationProfile', 'scheduledEventsProfile', 'scheduledEventsPolicy'];

export type VmCopyOrder = Pick<VmCopySpec, 'saved' | 'osDiskId' | 'dataDisks' | 'tags' | 'nicId'>;

export function copiedBody({ saved, nicId, ...order }: VmCopyOrder): Readonly<Record<string, unknown>> {
  const { identity: _identity, ...body } = recreatedBody(saved, order).body;
  const properties = Object.entries(modelOf(body['properties'])).filter(
    ([name]) => !PLACES.includes(name) && !ERRANDS.includes(name),
  );
  return {
    ...body,
    properties: {
      ...Object.fromEntries(properties),
      networkProfile: { networkInterfaces: [{ id: nicId, properties: { primary: true, deleteOption: 'Detach' } }] },
      // In storage of Azure's own: nothing is written into an account of the machine's owner.
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    },
  };
}
