import { RetryableError, type Cloud } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import { endingAccess, type EndAccess } from './disk-access.js';
import { dataDisksOf } from './restored-disks.js';

/**
 * Step 11: every data disk is at its LUN, as Azure shows it, and what is missing there is attached; the machine runs, unless it must
 * not.
 */
export interface AttachPorts {
  readonly cloud: Pick<Cloud, 'reader' | 'machines'>;
  readonly endAccess: EndAccess;
}

export function attachDisks({ cloud, endAccess }: AttachPorts): StepHandler<'attach-disks'> {
  return async (context) => {
    const { restore, plan, journal, signal, outputOf } = context;
    const { vmAzureId } = outputOf('create-vm');
    const disks = dataDisksOf(restore, plan);
    await endingAccess(endAccess, context, () => cloud.machines.attach(vmAzureId, disks, journal, signal));
    if (!plan.options.powerOn) {
      await cloud.machines.deallocate(vmAzureId, journal, signal);
      return { kind: 'done', output: {} };
    }
    await cloud.machines.start(vmAzureId, journal, signal);
    if (plan.options.bootCheck === 'running') {
      await requireRunning(cloud, vmAzureId);
      await context.event('vm.boot-checked', 'The VM runs, as Azure reports it.', { azureId: vmAzureId });
    }
    return { kind: 'done', output: {} };
  };
}

async function requireRunning(cloud: AttachPorts['cloud'], vmAzureId: string): Promise<void> {
  const vm = await cloud.reader.vm(vmAzureId);
  if (vm?.powerState === 'running' && vm.provisioningState === 'Succeeded') return;
  throw new RetryableError({
    code: 'BOOT_CHECK_FAILED',
    message: `The VM ${vmAzureId} was started and is ${vm?.powerState ?? 'not there'}.`,
    fix: 'Look at its boot diagnostics in Azure; resume once it runs, or roll the restore back.',
  });
}
