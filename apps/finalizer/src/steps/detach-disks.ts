import type { Cloud } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import { diskIdOf } from './restored-disks.js';

/** Step 6: the disks are written and verified; the workers let go of them. */
export function detachDisks({ cloud }: { cloud: Pick<Cloud, 'machines'> }): StepHandler<'detach-disks'> {
  return async ({ restore, journal, signal, outputOf }) => {
    for (const worker of outputOf('launch-worker').workers) {
      const diskIds = worker.disks.map((disk) => diskIdOf(restore, disk.name));
      await cloud.machines.detach(worker.azureId, diskIds, journal, signal);
    }
    return { kind: 'done', output: {} };
  };
}
