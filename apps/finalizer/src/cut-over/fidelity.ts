import type { NotSent, SavedResource, SavedVm } from '@landfall/domain';

/*
 * What of a machine came back other than it was: its model as it was saved against its model as it stands now, member by member.
 * Pure.
 */
export interface Difference {
  /** Such as `vm.properties.vmId`, or `nics[web-nic].properties.…`. */
  readonly path: string;
  /** JSON; null where there was none, or where it is not shown because it may hold a secret. */
  readonly before: string | null;
  readonly after: string | null;
  readonly why: string;
}

type Leaves = ReadonlyMap<string, string>;

/** What Azure counts and writes by itself. */
const OF_NO_MEANING = [
  /(^|\.)etag$/i,
  /\.(provisioningState|timeCreated|resourceGuid|macAddress|lastModified|instanceView)(\.|$)/,
  /^vm\.resources(\[|\.|$)/,
  /\.virtualMachine\.id$/,
];

/** They may hold secrets of the machine's owner: that they differ is told, and not how. */
const NOT_SHOWN = /^vm\.properties\.userData$|\.settings(\.|$)|\.protectedSettings(\.|$)/;

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^vm\.properties\.vmId$/, 'A machine that is made anew has another number.'],
  [
    /^vm\.identity\.principalId$/,
    'The identity of the system is made anew with the machine: what it was allowed has to be assigned again.',
  ],
  [/^vm\.tags\.landfall-/i, 'Tells that Landfall has made it.'],
  [/Disks?(\[\d+\])?\.(name|managedDisk\.id|diskSizeGB)$/, 'The disk is a restored one, under a name of its own.'],
  [/Disks?(\[\d+\])?\.createOption$/, 'The machine is made around disks that exist.'],
  [/\.networkInterfaces\[\d+\]\.properties\.primary$/, 'Which interface is the primary one is said with the machine.'],
  [/\.deleteOption$/, 'Set so that nothing goes along with the machine.'],
  [/^disks\[/, 'The disk is a restored one.'],
];

const UNEXPLAINED = 'Not known: compare it, and set it as it was where that matters.';

export function fidelity(before: SavedVm, after: SavedVm, notSent: readonly NotSent[]): readonly Difference[] {
  const was = leavesOf(before);
  const is = leavesOf(after);
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((path) => was.get(path) !== is.get(path) && !OF_NO_MEANING.some((rule) => rule.test(path)))
    .sort()
    .map((path) => ({
      path,
      before: shown(path, was),
      after: shown(path, is),
      why: reasonFor(path, notSent),
    }));
}

function shown(path: string, leaves: Leaves): string | null {
  return NOT_SHOWN.test(path) ? null : (leaves.get(path) ?? null);
}

function reasonFor(path: string, notSent: readonly NotSent[]): string {
  const member = path.replace(/^vm\./, '');
  const told = notSent.find(
    (each) => member === each.path || member.startsWith(`${each.path}.`) || member.startsWith(`${each.path}[`),
  );
  return told?.why ?? REASONS.find(([rule]) => rule.test(path))?.[1] ?? UNEXPLAINED;
}

function leavesOf({ vm, nics, publicIps, extensions }: SavedVm): Leaves {
  const leaves = new Map<string, string>();
  collect(vm.body, 'vm', leaves);
  for (const [kind, resources] of Object.entries({ nics, publicIps, extensions })) {
    for (const resource of resources) collect(resource.body, `${kind}[${nameOf(resource)}]`, leaves);
  }
  return leaves;
}

function collect(value: unknown, path: string, into: Map<string, string>): void {
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) collect(each, `${path}[${placeOf(each) ?? index}]`, into);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) collect(each, `${path}.${key}`, into);
  } else if (value !== undefined && value !== null) {
    // Ids of Azure are the same in any case.
    into.set(
      path,
      typeof value === 'string' && value.startsWith('/subscriptions/') ? value.toLowerCase() : JSON.stringify(value),
    );
  }
}

/** Disks are told by their LUN, whatever their order. */
function placeOf(value: unknown): number | null {
  const lun = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['lun'] : null;
  return typeof lun === 'number' ? lun : null;
}

function nameOf({ azureId }: SavedResource): string {
  return azureId.slice(azureId.lastIndexOf('/') + 1).toLowerCase();
}
