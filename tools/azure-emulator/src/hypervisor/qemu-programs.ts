import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/*
 * QEMU and its UEFI firmware, where Debian, Fedora and Arch put them. The code is shared by all VMs and only read; each
 * VM gets a copy of the variables.
 */
export interface QemuPrograms {
  readonly qemu: string;
  readonly uefi: UefiFirmware | null;
}

export interface UefiFirmware {
  readonly code: string;
  readonly variables: string;
}

const PROGRAM = 'qemu-system-x86_64';
const FIRMWARE: readonly UefiFirmware[] = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/OVMF/OVMF_CODE.fd', variables: '/usr/share/OVMF/OVMF_VARS.fd' },
  { code: '/usr/share/edk2/ovmf/OVMF_CODE.fd', variables: '/usr/share/edk2/ovmf/OVMF_VARS.fd' },
  { code: '/usr/share/edk2/x64/OVMF_CODE.4m.fd', variables: '/usr/share/edk2/x64/OVMF_VARS.4m.fd' },
];

/** Null when there is no QEMU on PATH. */
export function findQemu(path: string = process.env['PATH'] ?? ''): QemuPrograms | null {
  const qemu = path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, PROGRAM))
    .find(isExecutable);
  if (qemu === undefined) return null;
  return { qemu, uefi: FIRMWARE.find(({ code, variables }) => existsSync(code) && existsSync(variables)) ?? null };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
