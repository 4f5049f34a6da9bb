import { type EventView, type RestoreView, ROUTES } from '@landfall/contract';
import { captureHasEnded, detailsOf, isDamage, isOfCapture } from '@landfall/domain';
import { addRestoreOptions, type RestoreOptions } from '../restore-request.js';
import type { Call, LandfallCommand } from '../command-line.js';
import { CANCELLABLE_ID, RESTORE_ID } from '../ids.js';
import type { ToldDamage } from '../output/damage-text.js';
import { bootCheckText } from '../output/plan-text.js';
import { eventsText, restoresText, restoreText } from '../output/restore-text.js';
import type { Api } from '../stack/api.js';
import { connect } from '../stack/connect.js';
import { hasSettled } from '../stack/views.js';
import type { RestoreCommandOptions } from './restore.js';

/** Plans and restores. */
export function describeRestoreCommands(program: LandfallCommand): void {
  addRestoreOptions(program.command('plan'))
    .description('show what a restore would do; changes nothing')
    .does(async (call: Call<RestoreOptions>) => (await import('./restore.js')).plan(call));
  addRestoreOptions(program.command('restore'))
    .description('bring a restore point to Azure')
    .option('--watch', 'follow it to its end')
    .option('--yes', 'do not ask for confirmation')
    .option('--idempotency-key <key>', 'the same key again starts no second restore')
    .does(async (call: Call<RestoreCommandOptions>) => (await import('./restore.js')).restore(call));
  program.command('restores').description('all restores, newest first').does(listRestores);
  program.command('show <id>').description('one restore: state, steps, disks').does(showRestore, OF_RESTORE);
  program
    .command('watch <id>')
    .description('follow a restore to its end')
    .does(async (call) => (await import('./restore.js')).watch(call), OF_RESTORE);
  program.command('events <id>').description("a restore's history").does(listEvents, OF_RESTORE);
  program
    .command('approve <id>')
    .description('allow a restore to remove the machine that it replaces, as its plan says')
    .does(approveRestore, OF_RESTORE);
  program
    .command('cancel <id>')
    .description('stop a restore, or the capture of a VM, and remove what it has created')
    .does(cancel, { ids: [CANCELLABLE_ID] });
  for (const [verb, route, description] of CHANGES) {
    program
      .command(`${verb} <id>`)
      .description(description)
      .does((call) => changeRestore(route, call), OF_RESTORE);
  }
}

const OF_RESTORE = { ids: [RESTORE_ID] };

const CHANGES = [
  ['resume', ROUTES.resumeRestore, 'go on with a restore that needs attention, once its cause is removed'],
  ['rollback', ROUTES.rollbackRestore, 'remove what a restore has created, and bring back what it has replaced'],
  ['purge', ROUTES.purgeRestore, 'throw away what is kept for a roll-back of a restore that has replaced a machine'],
] as const;

async function listRestores({ options, output }: Call): Promise<void> {
  const restores = await connect(options.data).api.ask(ROUTES.listRestores, {});
  output.print(restores, () => restoresText(restores));
}

async function showRestore({ args, options, output }: Call): Promise<void> {
  const { api } = connect(options.data);
  const restore = await api.ask(ROUTES.showRestore, { params: { id: args[0]! } });
  const damage = await damageOf(api, restore);
  output.print({ ...restore, ...(damage && { damage }) }, () => restoreText(restore, damage));
}

/** Null where the backup is not what it has failed with. What can't be found out hides nothing of the rest. */
async function damageOf(api: Api, { id, error }: RestoreView): Promise<ToldDamage | null> {
  if (error === null || !isDamage(error.code)) return null;
  try {
    return await api.ask(ROUTES.showRestoreDamage, { params: { id } });
  } catch (failure) {
    return detailsOf(failure);
  }
}

async function listEvents({ args, options, output }: Call): Promise<void> {
  const { api } = connect(options.data);
  const events: EventView[] = [];
  for (;;) {
    const after = `${events.at(-1)?.sequence ?? 0}`;
    const page = await api.ask(ROUTES.listRestoreEvents, { params: { id: args[0]! }, query: { after } });
    if (page.length === 0) break;
    events.push(...page);
  }
  output.print(events, () => eventsText(events));
}

/** Of the plan as it is at this moment; one that is made meanwhile needs an approval of its own. */
async function approveRestore({ args, options, output }: Call): Promise<void> {
  const { api } = connect(options.data);
  const params = { id: args[0]! };
  const plan = await api.ask(ROUTES.showRestorePlan, { params });
  const { planHash } = plan;
  const restore = await api.ask(ROUTES.approveRestore, { params, body: { planHash } });
  output.print(
    restore,
    () => `Restore ${restore.id} is approved, by its plan ${planHash}. Its boot check: ${bootCheckText(plan)}.`,
  );
}

/** Their ids tell them apart, so that nobody has to. */
async function cancel(call: Call): Promise<void> {
  const id = call.args[0]!;
  if (!isOfCapture(id)) return changeRestore(ROUTES.cancelRestore, call);
  const capture = await connect(call.options.data).api.ask(ROUTES.cancelCapture, { params: { id } });
  call.output.print(capture, () =>
    captureHasEnded(capture.state)
      ? `Capture ${capture.id} is ${capture.state}.`
      : `Capture ${capture.id} is ${capture.state}: what it has made is removed, and the VM runs again if it was stopped for it.`,
  );
}

type Change = typeof ROUTES.cancelRestore | (typeof CHANGES)[number][1];

async function changeRestore(route: Change, { args, options, output }: Call): Promise<void> {
  const { api } = connect(options.data);
  const restore = await api.ask(route, { params: { id: args[0]! } });
  output.print(restore, () => {
    const now = `Restore ${restore.id} is ${restore.state}.`;
    return hasSettled(restore) ? now : `${now} "./landfall watch ${restore.id}" follows it.`;
  });
}
