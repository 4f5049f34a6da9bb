import type { LandfallCommand } from '../command-line.js';
import { describeAzureCommands } from './azure.js';
import { describeCatalogueCommands } from './catalogue.js';
import { describeImageCommands } from './images.js';
import { describeRestoreCommands } from './restores.js';
import { describeStackCommands } from './stack.js';
import { describeTokenCommands } from './tokens.js';

export function describeCommands(program: LandfallCommand): void {
  program
    .description('Landfall restores machines from backups into Microsoft Azure.')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 unexpected, 2 wrong usage or bad input, 3 the plan is refused,\n' +
        "4 the restore failed, was cancelled, or one of its disks turned out to be bad, 5 the stack can't be reached.",
    );
  describeStackCommands(program);
  describeCatalogueCommands(program);
  describeImageCommands(program);
  describeRestoreCommands(program);
  describeTokenCommands(program);
  describeAzureCommands(program);
}
