import { PermanentError, type SourceVm } from '@landfall/domain';
import { sameId } from './ids.js';

/* Whether a VM is the one that is meant: it carries no tags of ours, and is told by Azure's own number for it. */

export function isSource(vm: Pick<SourceVm, 'instanceId'>, { instanceId }: SourceVm): boolean {
  return vm.instanceId !== '' && sameId(vm.instanceId, instanceId);
}

/** @throws nothing; returned for the caller to throw */
export function sourceReplaced(azureId: string): PermanentError {
  return new PermanentError({
    code: 'SOURCE_REPLACED',
    message: `${azureId} is another VM by now than the one that was looked at, so Landfall leaves it alone.`,
    fix: 'Find out who made it in the activity log, and begin anew with the VM that is there now.',
  });
}
