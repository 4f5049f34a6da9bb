import { STEPS } from '@landfall/domain';
import { AFTER_END } from './after-end.js';
import { STAGES, type Stage } from './stages.js';
import { WAY_BACK } from './way-back.js';
import type { WorkTable } from './work-table.js';

/** The works of the product. */
export const WORKS: WorkTable = {
  forward: STEPS.map(({ id }) => {
    const { service, output, needsApproval = false, putsBack = false }: Stage = STAGES[id];
    return {
      ...{ id, service, output, needsApproval, putsBack, begins: null },
      when: ({ plan }) => plan?.steps.find((planned) => planned.id === id)?.applies ?? false,
    };
  }),
  back: WAY_BACK,
  after: AFTER_END,
};
