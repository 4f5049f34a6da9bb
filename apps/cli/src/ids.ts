import type { BadInputError } from '@landfall/domain';
import { badUsage } from './usage.js';

/*
 * What a name or an id on the command line has to look like. Each is checked before anything is asked with it: an empty
 * variable of a script, or "..", would make another address of the one that it becomes a part of.
 */
export interface IdKind {
  /** Completes "… is not". */
  readonly what: string;
  readonly looksLike: RegExp;
  readonly fix: string;
}

/** Ids, and beginnings of ids. */
const PLAIN = /^(?=.{1,128}$)[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Names that people and other programs have given; `.` and `..` are parts of paths, and nobody's name. */
const NAME = /^(?!\.{1,2}$)(?!\s*$)[^\p{Cc}]{1,300}$/u;

export const RESTORE_ID: IdKind = {
  what: 'the id of a restore',
  looksLike: PLAIN,
  fix: 'Give the id, or the beginning of it; "./landfall restores" lists them.',
};

export const CANCELLABLE_ID: IdKind = {
  what: 'the id of a restore or of a capture',
  looksLike: PLAIN,
  fix: 'Give the id; "./landfall restores" lists those of restores, and "./landfall capture" tells that of a capture.',
};

export const POINT_ID: IdKind = {
  what: 'the id of a restore point',
  looksLike: PLAIN,
  fix: 'Give its id, its reference, or the beginning of either; "./landfall point list" lists them.',
};

export const MACHINE_NAME: IdKind = {
  what: 'the id, name or alias of a machine',
  looksLike: NAME,
  fix: '"./landfall machine list" lists them; without any the points of all machines are listed.',
};

export const REPOSITORY_NAME: IdKind = {
  what: 'the name of a repository',
  looksLike: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
  fix: 'It has 1 to 63 letters, digits, ".", "_" or "-"; "./landfall repo list" lists those that there are.',
};

export const TOKEN_NAME: IdKind = {
  what: 'the name of a token',
  looksLike: /^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/,
  fix: 'It has 1 to 63 letters, digits, ".", "_", "-" or "@"; "./landfall token list" lists those that there are.',
};

export const VM_ID: IdKind = {
  what: 'the resource id of an Azure VM',
  looksLike:
    /^\/subscriptions\/[^/\p{Cc}]+\/resourceGroups\/[^/\p{Cc}]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/\p{Cc}]+$/iu,
  fix: 'Give it in full, as Azure shows it: az vm show --query id.',
};

export const FAULT_ID: IdKind = {
  what: 'the id of a fault',
  looksLike: PLAIN,
  fix: '"./landfall azure faults list" lists those that are switched on.',
};

export const AZURE_NAME: IdKind = {
  what: 'the id or name of a resource',
  looksLike: NAME,
  fix: '"./landfall azure list" lists them.',
};

/** @throws BadInputError `ID_INVALID` */
export function checkedId(text: string, kind: IdKind): string {
  if (kind.looksLike.test(text)) return text;
  throw invalid(text, kind);
}

function invalid(text: string, { what, fix }: IdKind): BadInputError {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return badUsage('ID_INVALID', `${JSON.stringify(shown)} is not ${what}.`, fix);
}
