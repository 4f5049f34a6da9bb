import type { Logger } from '@landfall/observability';
import { cloudModule } from '@landfall/service/cloud';
import { doorsModule, stepService } from '@landfall/service/steps';
import { Module, type DynamicModule } from '@nestjs/common';
import { CaptureProcessor } from './capture/capture.processor.js';
import type { ProvisionerEnvironment } from './environment.js';
import { ProvisionerProcessor } from './provisioner.processor.js';

/** RestorePlan → ProvisionedTarget: takes jobs from the queue `provisioner`; and captures VMs, from the queue `captures`. */
@Module({})
export class ProvisionerModule {
  static with(environment: ProvisionerEnvironment, log: Logger): DynamicModule {
    return {
      module: ProvisionerModule,
      imports: [...stepService('provisioner', environment, log), cloudModule(), doorsModule(environment)],
      providers: [ProvisionerProcessor, CaptureProcessor],
    };
  }
}
