import type { CaptureOptions } from '../capture/capture-options.js';
import { choice, collect, type Call, type LandfallCommand } from '../command-line.js';

/** restic takes its lock off the repository first. */
const CAPTURE_ENDS_WITHIN_MS = 12_000;

/** Disk images and devices on this machine. */
export function describeImageCommands(program: LandfallCommand): void {
  program
    .command('inspect <path...>')
    .description('look into disk images or devices; needs no stack')
    .does(async (call) => (await import('./inspect.js')).inspect(call));
  program
    .command('capture')
    .description("back up a computer's disks, or an Azure VM, into a restic repository")
    .requiredOption('--repo <name>', 'a repository of the stack, or the path or URL of any restic repository')
    .option('--machine <name>', 'name of the computer')
    .option('--disk <path>', 'disk image or block device, the OS disk first; may be given several times', collect)
    .addOption(choice('--level <level>', 'how much of it', ['computer', 'volume']).default('computer'))
    .option(
      '--vm <id>',
      'in the place of disks: the resource id of an Azure VM; the stack captures it into a repository of its own',
    )
    .option('--stop', 'with --vm: stop it while its snapshots are taken, so that its disks are of one moment')
    .option('--volume <path:n>', 'for level volume: partition N of a disk; may be given several times', collect)
    .option('--password-file <file>', "the repository's password (else RESTIC_PASSWORD or RESTIC_PASSWORD_FILE)")
    .does(async (call: Call<CaptureOptions>) => (await import('../capture/capture.js')).capture(call), {
      endsWithinMs: CAPTURE_ENDS_WITHIN_MS,
    });
}
