import { z } from 'zod';
import { conflict, invalidParameter, missingParameter } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { list, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { accepted } from '../operations/answers.js';
import type { OperationKind } from '../operations/kind.js';
import type { VirtualMachineRecord } from '../state/records.js';
import { requireAgent, requireRunning } from './vm-guest-rules.js';
import { requireIdleMachine, requireMachine } from './vm-rules.js';

/*
 * POST runCommand: scripts inside a VM. No script is run. The operation's record keeps what was asked for, and the answer
 * has Azure's shape with the output that the settings give (`runCommandOutput`).
 */
const RUN_COMMAND_BODY = z.strictObject({
  commandId: z.string().min(1),
  script: z.array(z.string()).optional(),
  parameters: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
});

type RunCommandInput = z.infer<typeof RUN_COMMAND_BODY>;

/** The commands that take a script of the caller's. */
const SCRIPT_COMMANDS = { RunShellScript: 'Linux', RunPowerShellScript: 'Windows' } as const;

export const RUN_COMMAND_ROUTES: readonly Route[] = [
  {
    operation: 'VirtualMachines_RunCommand',
    method: 'POST',
    effect: 'action',
    path: '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/virtualMachines/{vmName}/runCommand',
    handle: begin,
  },
  {
    operation: 'Emulator_RunCommands',
    method: 'GET',
    effect: 'read',
    path: '/_emulator/run-commands',
    handle: (_, azure) => list(recordedCommands(azure)),
  },
];

export const RUN_COMMAND: OperationKind<RunCommandInput> = {
  name: 'virtualMachines.runCommand',
  run: ({ commandId }, _, azure) => {
    const { stdout, stderr } = azure.settings.values.runCommandOutput;
    const time = azure.now().toISOString();
    const status = (code: string, message: string) => ({
      code,
      level: 'Info',
      displayStatus: 'Provisioning succeeded',
      message,
      time,
    });
    const value =
      commandId.toLowerCase() === 'runshellscript'
        ? [status('ProvisioningState/succeeded', `Enable succeeded: \n[stdout]\n${stdout}\n[stderr]\n${stderr}`)]
        : [status('ComponentStatus/StdOut/succeeded', stdout), status('ComponentStatus/StdErr/succeeded', stderr)];
    return { changes: [], output: { value } };
  },
};

function begin(call: Call, azure: Azure): Answer {
  const vm = requireMachine(parameter(call, 'resourceGroupName'), parameter(call, 'vmName'), azure);
  const input = parseBody(RUN_COMMAND_BODY, call.body);
  requireCommand(input, vm);
  requireAgent(vm);
  if (azure.operations.on(vm.id)?.kind === RUN_COMMAND.name) {
    throw conflict(
      'Conflict',
      'Run command extension execution is in progress. Please wait for completion before invoking a run command.',
    );
  }
  requireIdleMachine(vm, 'runCommand', azure);
  requireRunning(vm, 'The operation requires the VM to be running (or set to run).');
  const operation = azure.operations.begin(RUN_COMMAND, {
    resourceId: vm.id,
    location: vm.location,
    input,
    changes: [],
  });
  return accepted(azure, operation, 'virtual-machines');
}

function requireCommand({ commandId, script }: RunCommandInput, vm: VirtualMachineRecord): void {
  const known = Object.entries(SCRIPT_COMMANDS).find(([name]) => name.toLowerCase() === commandId.toLowerCase());
  if (known === undefined) {
    throw invalidParameter(
      'commandId',
      `The value '${commandId}' of parameter 'commandId' is not a known run command.`,
    );
  }
  const { osType } = vm.properties.storageProfile.osDisk;
  if (known[1] !== osType) {
    throw invalidParameter(
      'commandId',
      `The run command '${known[0]}' is not supported on a VM with OS type '${osType}'.`,
    );
  }
  if (script === undefined || script.length === 0) throw missingParameter('script');
}

/** What was run on which VM, oldest first. */
function recordedCommands(azure: Azure) {
  return azure.state
    .all('operations')
    .filter(({ kind }) => kind === RUN_COMMAND.name)
    .map(({ resourceId, input, startedAt, status }) => ({
      vm: resourceId,
      ...(input as RunCommandInput),
      at: startedAt,
      status,
    }));
}
