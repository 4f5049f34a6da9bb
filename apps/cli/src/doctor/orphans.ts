import { type OrphanView, type RemovedOrphansView, ROUTES } from '@landfall/contract';
import type { Call, CommonOptions } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { formatTable, tableOr } from '../output/table.js';
import { connect } from '../stack/connect.js';

export interface OrphansOptions extends CommonOptions {
  readonly remove?: boolean;
  readonly yes?: boolean;
}

/** Lists what ended restores have left in Azure; `--remove` shows what would go, `--remove --yes` removes it. */
export async function orphans({ options, output }: Call<OrphansOptions>): Promise<ExitCode> {
  const { api } = connect(options.data);
  if (options.remove !== true) {
    const found = await api.ask(ROUTES.listOrphans, {});
    output.print(
      found.map((orphan) => ({ id: orphan.azureId, ...orphan })),
      () => orphansText(found),
    );
    return EXIT.done;
  }
  const result = await api.ask(ROUTES.removeOrphans, { body: { dryRun: options.yes !== true } });
  output.print(result, () => removalText(result));
  return result.kept.length === 0 ? EXIT.done : EXIT.unexpected;
}

function orphansText(found: readonly OrphanView[]): string {
  const table = tableOr(
    'Nothing is left in Azure that should not be there.',
    ['FINDING', 'RESTORE', 'RESOURCE'],
    found.map(({ finding, restoreId, azureId }) => [finding, restoreId ?? '', azureId]),
  );
  const reasons = found.filter(({ removable }) => !removable).map(({ azureId, why }) => `${azureId}: ${why}`);
  const removable = found.length - reasons.length;
  const hint = removable === 0 ? [] : [`"./landfall doctor --orphans --remove" removes ${removable} of them.`];
  return [table, ...reasons, ...hint].join('\n\n');
}

function removalText({ dryRun, wouldRemove, removed, kept }: RemovedOrphansView): string {
  if (dryRun && wouldRemove.length === 0) return 'There is nothing to remove.';
  if (dryRun) return `Would remove, with --yes:\n\n${wouldRemove.join('\n')}`;
  const lines = [
    ...removed.map((azureId) => ['removed', azureId, '']),
    ...kept.map(({ azureId, message, fix }) => ['kept', azureId, `${message} ${fix}`]),
  ];
  return lines.length === 0 ? 'There was nothing to remove.' : formatTable(['', 'RESOURCE', 'WHY'], lines);
}
