import { faultsOf, type PlanView, RESTORE_PLAN, RESTORE_REQUEST, ROUTES } from '@landfall/contract';
import { PermanentError } from '@landfall/domain';
import { Body, Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { findPoint } from '../catalogue/find-point.js';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';

@Controller()
export class PlansController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.planRestore)
  async plan(@Body({ schema: RESTORE_REQUEST }) body: z.infer<typeof RESTORE_REQUEST>): Promise<PlanView> {
    const point = await findPoint(this.ports.catalogue, body.restorePointId);
    const plan = await this.ports.planner.dryRun({ ...body, restorePointId: point.id });
    const faults = faultsOf(RESTORE_PLAN, plan);
    if (faults.length > 0) throw unreadablePlan(faults);
    return plan as PlanView;
  }
}

function unreadablePlan(faults: readonly string[]): PermanentError {
  return new PermanentError({
    code: 'PLAN_UNREADABLE',
    message: `The planner's plan can't be understood (${faults.join('; ')}).`,
    fix: 'Run all services in the same version.',
  });
}
