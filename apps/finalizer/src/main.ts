import 'reflect-metadata';
import { runStepService } from '@landfall/service/steps';
import { FINALIZER_ENVIRONMENT } from './environment.js';
import { FinalizerModule } from './finalizer.module.js';

await runStepService('finalizer', FINALIZER_ENVIRONMENT, FinalizerModule.with);
