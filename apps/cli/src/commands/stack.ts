import type { Call, LandfallCommand } from '../command-line.js';
import { choice, wholeNumber } from '../command-line.js';
import type { DemoOptions } from '../demo/demo-parts.js';
import type { DoctorOptions } from '../doctor/doctor.js';
import type { UpOptions } from './stack-control.js';

/** It has begun programs, and ends them. */
const ENDS_ITSELF = { endsWithinMs: null };

/** The local stack, the demonstration, the tests and the checks of the sources. */
export function describeStackCommands(program: LandfallCommand): void {
  program
    .command('demo')
    .description('the main job on this machine: backup, restore to an emulated Azure, compared')
    .option('--keep', 'leave the stack and the sample machine')
    .option('--disks <number>', 'disks of the sample machine', wholeNumber(1, 8), 3)
    .option(
      '--original',
      'back to the original place instead: a VM is captured, damaged, restored in place, rolled back',
    )
    .does(async (call: Call<DemoOptions>) => {
      if (call.options.original === true) return (await import('../demo/demo-original.js')).demoOriginal(call);
      return (await import('../demo/demo.js')).demo(call);
    }, ENDS_ITSELF);

  program
    .command('test [suite] [more...]')
    .description(
      'run the tests: unit, int, e2e, chaos or all; "--only PATH" keeps to a part, "--jobs N" runs N files side by side; ' +
        '"--profile azure" gives stacks an Azure that takes its time',
    )
    .allowUnknownOption()
    .helpOption(false)
    .action(async (suite: string | undefined, more: string[]) => {
      const { runTests } = await import('./test.js');
      program.finish(await runTests([...(suite === undefined ? [] : [suite]), ...more]));
    });

  program
    .command('check')
    .description("check Landfall's own sources: circles of imports, lint, format")
    .does(async (call) => (await import('./check.js')).check(call), ENDS_ITSELF);

  program
    .command('up')
    .description('start the local stack with the emulated Azure')
    .option('--detach', 'return when everything is ready, and leave it running')
    .option('--movers <number>', 'data-movers in the pool', wholeNumber(0, 32), 1)
    .option('--services <number>', 'processes of API, planner, provisioner and finalizer each', wholeNumber(1, 8), 1)
    .addOption(
      choice('--hypervisor <program>', 'what boots VMs of the emulated Azure', ['none', 'qemu']).default('none'),
    )
    .addOption(choice('--profile <name>', 'whose times the emulated Azure takes; left out: none', ['azure']))
    .does(async (call: Call<UpOptions>) => (await import('./stack-control.js')).up(call), ENDS_ITSELF);
  program
    .command('down')
    .description('stop it; the data stays')
    .does(async (call) => (await import('./stack-control.js')).down(call));
  program
    .command('status')
    .description('what runs, and where')
    .does(async (call) => (await import('./status.js')).status(call));
  program
    .command('doctor')
    .description('check what a stack needs on this machine; or look for what restores have left in Azure')
    .option('--orphans', 'list what ended restores have left in Azure')
    .option('--remove', 'with --orphans: show what would be removed')
    .option('--yes', 'with --remove: remove it')
    .does(async (call: Call<DoctorOptions>) => (await import('../doctor/doctor.js')).doctor(call));
}
