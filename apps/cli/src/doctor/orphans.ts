import type { Call, CommonOptions } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { formatTable, tableOr } from '../output/table.js';
import { connect } from '../stack/connect.js';

export interface OrphansOptions extends CommonOptions {
  readonly remove?: boolean;
  readonly yes?: boolean;
}

interface OrphanView {
  readonly azureId: string;
  readonly finding: 'left-behind' | 'never-created' | 'not-ours' | 'unknown';
  readonly removable: boolean;
  readonly restoreId: string | null;
  readonly why: string;
}

interface RemovalView {
  readonly dryRun: boolean;
  readonly wouldRemove: readonly string[];
  readonly removed: readonly string[];
  readonly kept: readonly { readonly azureId: string; readonly message: string; readonly fix: string }[];
}

/** Lists what ended restores have left in Azure; `--remove` shows what would go, `--remove --yes` removes it. */
export async function orphans({ options, output }: Call<OrphansOptions>): Promise<ExitCode> {
  const { api } = connect(options.data);
  if (options.remove !== true) {
    const found = await api.get<OrphanView[]>('/v1/orphans');
    output.print(
      found.map((orphan) => ({ id: orphan.azureId, ...orphan })),
      () => orphansText(found),
    );
    return EXIT.done;
  }
  const result = await api.post<RemovalView>('/v1/orphans/remove', { dryRun: options.yes !== true });
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

function removalText({ dryRun, wouldRemove, removed, kept }: RemovalView): string {
  if (dryRun && wouldRemove.length === 0) return 'There is nothing to remove.';
  if (dryRun) return `Would remove, with --yes:\n\n${wouldRemove.join('\n')}`;
  const lines = [
    ...removed.map((azureId) => ['removed', azureId, '']),
    ...kept.map(({ azureId, message, fix }) => ['kept', azureId, `${message} ${fix}`]),
  ];
  return lines.length === 0 ? 'There was nothing to remove.' : formatTable(['', 'RESOURCE', 'WHY'], lines);
}
