import { dataDisksOf, PermanentError, RetryableError, type Cloud, type RestoreBooks } from '@landfall/domain';
import type { StepContext, StepHandler } from '@landfall/pipeline';
import { requireBooted } from './boot-check.js';
import { endingAccess, type EndAccess } from './disk-access.js';
import { diskIdOf } from './restored-disks.js';

/**
 * Step 11: every data disk is at its LUN, as Azure shows it, and what is missing there is attached; the machine runs, unless it must
 * not.
 */
export interface AttachPorts {
  readonly cloud: Pick<Cloud, 'reader' | 'machines'>;
  readonly books: Pick<RestoreBooks, 'ledger'>;
  readonly endAccess: EndAccess;
}

export function attachDisks(ports: AttachPorts): StepHandler<'attach-disks'> {
  const { cloud, endAccess } = ports;
  return async (context) => {
    const { restore, plan, journal, signal, outputOf } = context;
    const { vmAzureId, attachedSince = [] } = outputOf('create-vm');
    const disks = [...dataDisksOf(plan, (name) => diskIdOf(restore, name)), ...attachedSince];
    await endingAccess(endAccess, context, () => cloud.machines.attach(vmAzureId, disks, journal, signal));
    if (!plan.options.powerOn) {
      await cloud.machines.deallocate(vmAzureId, journal, signal);
      return { kind: 'done', output: {} };
    }
    await cloud.machines.start(vmAzureId, journal, signal);
    const refusal = await checkBoot(ports, context, vmAzureId);
    if (refusal !== null) return { kind: 'exhausted', error: refusal };
    return { kind: 'done', output: {} };
  };
}

/** Why a person has to look at it. Null: it has booted, or nobody wants to know. The machine stays, with all that it says. */
async function checkBoot(ports: AttachPorts, context: StepContext, vmAzureId: string): Promise<PermanentError | null> {
  const { bootCheck, bootPattern } = context.plan.options;
  if (bootCheck === 'none') return null;
  // Of one that replaces another, copies have shown it before that one was stopped.
  if (bootCheck === 'running' || context.plan.source !== undefined) {
    await requireRunning(ports.cloud, vmAzureId);
    await context.event('vm.boot-checked', 'The VM runs, as Azure reports it.', { azureId: vmAzureId });
    return null;
  }
  try {
    const wish = { bootCheck, ...(bootPattern === undefined ? {} : { bootPattern }) };
    await requireBooted(ports, context, vmAzureId, wish);
  } catch (error) {
    if (error instanceof PermanentError && error.code === 'BOOT_CHECK_FAILED') return error;
    throw error;
  }
  await context.event('vm.boot-checked', 'The VM says on its serial console that it has booted.', {
    azureId: vmAzureId,
  });
  return null;
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
