import 'reflect-metadata';
import { runStepService } from '@landfall/service/steps';
import { PROVISIONER_ENVIRONMENT } from './environment.js';
import { ProvisionerModule } from './provisioner.module.js';

await runStepService('provisioner', PROVISIONER_ENVIRONMENT, ProvisionerModule.with);
