import { stagingGroupOf, type Cloud } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';

/**
 * Step 2: the resource group in which the new disks of a restore to the original location wait, with what writes them, until the
 * source is removed.
 */
export interface StagingPorts {
  readonly cloud: Pick<Cloud, 'groups'>;
  readonly applianceId: string;
}

export function createStagingResourceGroup({
  cloud,
  applianceId,
}: StagingPorts): StepHandler<'create-staging-resource-group'> {
  return async ({ restore, plan, journal, signal }) => {
    const spec = stagingGroupOf(plan, { applianceId, restoreId: restore.id });
    const group = await cloud.groups.ensure(spec, journal, signal);
    return { kind: 'done', output: { resourceGroupId: group.azureId } };
  };
}
