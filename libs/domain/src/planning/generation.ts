import type { Firmware } from '../machine.js';
import type { Generation } from '../plan.js';
import type { PlanningFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';
import { disksAlone } from './remedies.js';

/*
 * Which generation of VM the machine becomes. Generation 1 boots with a BIOS, Generation 2 with UEFI.
 *
 *  1. The firmware is what the disks show to boot, and what the manifest says; where the two disagree, or neither says
 *     anything, it is unknown.
 *  2. Unknown is an error, never a guess. With a generation given by the user it is a warning.
 *  3. An image becomes the generation of its firmware, and one that boots both ways Generation 1 unless told otherwise.
 *  4. A BIOS computer becomes Generation 1. A UEFI computer would have to be converted to boot with a BIOS, which
 *     this version can't do: Generation 2 has to be asked for, and is experimental.
 *  5. Where only disks are wanted nothing has to boot, and nothing of this is an error.
 */

export interface KnownFirmware {
  /** With which the machine can boot; empty when unknown. */
  readonly firmwares: readonly Firmware[];
  /** Why it is unknown. */
  readonly doubt: string | null;
}

/** What the manifest and the disks say together. */
export function knownFirmware({ point, machine }: PlanningFacts): KnownFirmware {
  const told = point.firmware;
  if (machine.boots.length === 0) {
    if (told !== undefined) return { firmwares: [told], doubt: null };
    return { firmwares: [], doubt: `Nothing that boots was found on the disks of "${point.machineName}".` };
  }
  if (told === undefined) return { firmwares: machine.boots, doubt: null };
  if (machine.boots.includes(told)) return { firmwares: [told], doubt: null };
  return {
    firmwares: [],
    doubt: `The manifest of "${point.machineName}" says ${told.toUpperCase()}, but its disks boot with ${names(machine.boots)} only.`,
  };
}

export function decideGeneration(facts: PlanningFacts, problems: FoundProblems): Generation | null {
  const { request, point } = facts;
  const asked = request.generation === 'auto' ? null : request.generation;
  const { firmwares, doubt } = knownFirmware(facts);

  // Without contents to look at the point is refused already, for a better reason.
  const hasContents = point.disks.some((disk) => disk.sizeBytes > 0);
  if (!hasContents || point.kind === 'snapshot') return asked;
  if (request.disksOnly) return asked ?? (firmwares.length === 1 ? generationOf(firmwares[0]!) : null);
  if (doubt !== null) return withUnknownFirmware(facts, asked, doubt, problems);
  if (point.kind === 'computer') return forComputer(facts, firmwares, asked, problems);
  return forImage(facts, firmwares, asked, problems);
}

function withUnknownFirmware(
  { point, machine, request }: PlanningFacts,
  asked: Generation | null,
  doubt: string,
  problems: FoundProblems,
): Generation | null {
  if (point.level === 'volume' && machine.boots.length === 0 && asked === null) {
    problems.error(
      'NO_BOOT_VOLUME',
      `No volume that boots is among the volumes that were backed up of "${point.machineName}".`,
      `Restore its disks with ${disksAlone(request)}, or give --generation 1 or 2 if it is to become a VM all the same.`,
    );
    return null;
  }
  if (asked === null) {
    problems.error(
      'FIRMWARE_UNKNOWN',
      `${doubt} Whether it boots with BIOS or UEFI can't be told.`,
      `Give --generation 1 (BIOS) or --generation 2 (UEFI), or restore its disks with ${disksAlone(request)}.`,
    );
    return null;
  }
  problems.warning(
    'FIRMWARE_UNKNOWN',
    `${doubt} It becomes a Generation ${asked} VM because that was asked for, and may not boot.`,
    `Nothing has to be done if this is meant; else restore the disks with ${disksAlone(request)}.`,
  );
  return asked;
}

function forImage(
  { point, request }: PlanningFacts,
  firmwares: readonly Firmware[],
  asked: Generation | null,
  problems: FoundProblems,
): Generation {
  const possible = firmwares.map(generationOf);
  if (asked === null) {
    if (possible.length > 1) {
      problems.warning(
        'FIRMWARE_UNKNOWN',
        `"${point.machineName}" boots with BIOS and with UEFI; it becomes a Generation 1 VM.`,
        'Give --generation 2 if the machine ran with UEFI.',
      );
      return 1;
    }
    return possible[0]!;
  }
  if (!possible.includes(asked)) {
    problems.error(
      'CONTRADICTION',
      `Generation ${asked} was asked for, but "${point.machineName}" boots with ${names(firmwares)} only, which is Generation ${possible[0]!}.`,
      `Leave --generation out or give --generation ${possible[0]!}; with ${disksAlone(request)} it doesn't matter.`,
    );
  }
  return asked;
}

function forComputer(
  { point, request }: PlanningFacts,
  firmwares: readonly Firmware[],
  asked: Generation | null,
  problems: FoundProblems,
): Generation | null {
  if (asked === 2) {
    if (!firmwares.includes('uefi')) {
      problems.error(
        'CONTRADICTION',
        `Generation 2 was asked for, but "${point.machineName}" boots with BIOS only, which is Generation 1.`,
        'Leave --generation out or give --generation 1.',
      );
    } else {
      problems.warning(
        'GEN2_EXPERIMENTAL',
        `"${point.machineName}" is a UEFI computer and becomes a Generation 2 VM, which is experimental.`,
        'Check that the VM boots before relying on it.',
      );
    }
    return 2;
  }
  if (firmwares.includes('bios')) return 1;
  problems.error(
    'NOT_AVAILABLE',
    `"${point.machineName}" is a UEFI computer, and this version can't make its disk boot on a Generation 1 VM.`,
    `Give --generation 2 (experimental), or restore its disks with ${disksAlone(request)}.`,
  );
  return asked;
}

function generationOf(firmware: Firmware): Generation {
  return firmware === 'bios' ? 1 : 2;
}

function names(firmwares: readonly Firmware[]): string {
  return firmwares.map((firmware) => firmware.toUpperCase()).join(' and ');
}
