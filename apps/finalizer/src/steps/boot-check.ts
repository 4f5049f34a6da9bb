import {
  BOOT_SECONDS,
  endOfConsole,
  PermanentError,
  sameId,
  showsBoot,
  WaitingError,
  type CloudReader,
  type LedgerEntry,
  type PlannedOptions,
  type RestoreBooks,
} from '@landfall/domain';
import type { WorkContext } from '@landfall/pipeline';

/*
 * Whether a machine of ours has booted. It is looked at, and looked at again a while later in a run of its own, so that no job is held
 * by a machine that takes its time. It has fifteen minutes from when it was asked for, by the books' clock; who comes too late
 * because nothing ran meanwhile looks once all the same, before the machine is held to that.
 */
const LOOK_AGAIN_MS = 15_000;

export interface BootCheckPorts {
  readonly cloud: { readonly reader: Pick<CloudReader, 'vm' | 'serialLog'> };
  readonly books: Pick<RestoreBooks, 'ledger'>;
}

/** What is asked of it. */
export type BootWish = Pick<PlannedOptions, 'bootPattern'> & { readonly bootCheck: 'running' | 'serial' };

/**
 * @param vmId as the ledger has it
 * @throws WaitingError `BOOT_PENDING`; PermanentError `BOOT_CHECK_FAILED` once its time is over
 */
export async function requireBooted(
  { cloud, books }: BootCheckPorts,
  { restore }: Pick<WorkContext, 'restore'>,
  vmId: string,
  wish: BootWish,
): Promise<void> {
  const vm = await cloud.reader.vm(vmId);
  const runs = vm?.powerState === 'running' && vm.provisioningState === 'Succeeded';
  if (runs && wish.bootCheck === 'running') return;
  const log = wish.bootCheck === 'serial' ? ((await cloud.reader.serialLog(vmId)) ?? '') : '';
  if (runs && showsBoot(log, wish.bootPattern ?? null)) return;
  const state = `${vmId} is ${vm?.powerState ?? 'not there'}`;
  const missing = runs ? `${state}, and its serial console does not show ${wanted(wish)}` : state;
  const entry = aliveIn(await books.ledger(restore.id), vmId);
  const seconds = entry === undefined ? 0 : (entry.readAt.getTime() - entry.createdAt.getTime()) / 1_000;
  if (seconds < BOOT_SECONDS) {
    const fix = 'Nothing has to be done: it is looked at again.';
    throw new WaitingError(
      { code: 'BOOT_PENDING', message: `The VM ${missing} yet.`, fix },
      { retryAfterMs: LOOK_AGAIN_MS },
    );
  }
  throw new PermanentError({
    code: 'BOOT_CHECK_FAILED',
    message: `The VM ${missing}, ${BOOT_SECONDS / 60} minutes after it was asked for.${ended(log, wish)}`,
    fix: 'Look at what its console says; choose another restore point, or another --boot-check if it boots in another way.',
  });
}

function wanted({ bootPattern }: BootWish): string {
  return bootPattern === undefined ? 'a prompt' : `the text "${bootPattern}"`;
}

function ended(log: string, { bootCheck }: BootWish): string {
  if (bootCheck !== 'serial') return '';
  const end = endOfConsole(log);
  return end === '' ? ' The console is empty.' : ` The console ends so:\n${end}\n`;
}

function aliveIn(ledger: readonly LedgerEntry[], vmId: string): LedgerEntry | undefined {
  return ledger.find(({ kind, azureId, state }) => kind === 'vm' && sameId(azureId, vmId) && state !== 'removed');
}
