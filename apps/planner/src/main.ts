import 'reflect-metadata';
import { runStepService } from '@landfall/service/steps';
import { PlannerModule } from './planner.module.js';
import { PLANNER_ENVIRONMENT } from './settings.js';

await runStepService('planner', PLANNER_ENVIRONMENT, PlannerModule.with);
