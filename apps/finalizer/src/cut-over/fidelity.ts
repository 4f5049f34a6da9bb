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

interface Leaf {
  /** By which two are the same: ids of Azure are in any case. */
  readonly key: string;
  readonly json: string;
}

type Leaves = ReadonlyMap<string, Leaf>;

/** What Azure counts and writes by itself. */
const OF_NO_MEANING = [
  /(^|\.)etag$/i,
  /\.(provisioningState|timeCreated|resourceGuid|macAddress|lastModified|instanceView)(\.|$)/,
  /^vm\.resources(\[|\.|$)/,
  /\.virtualMachine\.id$/,
];

/** They may hold secrets of the machine's owner: that they differ is told, and not how. */
const NOT_SHOWN = /^vm\.properties\.userData$|\.(settings|protectedSettings\w*)(\.|\[|$)/i;

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^vm\.properties\.vmId$/, 'A machine that is made anew has another number.'],
  [
    /^vm\.identity\.principalId$/,
    'The identity of the system is made anew with the machine: what it was allowed has to be assigned again.',
  ],
  [/^vm\.tags\.landfall-/i, 'Tells that Landfall has made it.'],
  [/Disks?(\[lun \d+\])?\.(name|managedDisk\.id|diskSizeGB)$/, 'The disk is a restored one, under a name of its own.'],
  [/Disks?(\[lun \d+\])?\.createOption$/, 'The machine is made around disks that exist.'],
  [/\.networkInterfaces\[\d+\]\.properties\.primary$/, 'Which interface is the primary one is said with the machine.'],
  [
    /^extensions\[/,
    'Extensions go with the machine, and Azure never shows all of their settings: install those that are missed again.',
  ],
];

/** It was set so that nothing goes along with the machine; Azure has no way to say nothing of it again. */
const OPTION_NOT_SAID = 'Nothing was said of it before: Detach is what Azure does then, and it can’t be unsaid.';

const UNEXPLAINED = 'Not known: compare it, and set it as it was where that matters.';

export function fidelity(before: SavedVm, after: SavedVm, notSent: readonly NotSent[]): readonly Difference[] {
  const was = leavesOf(before);
  const is = leavesOf(after);
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((path) => was.get(path)?.key !== is.get(path)?.key && !OF_NO_MEANING.some((rule) => rule.test(path)))
    .sort()
    .map((path) => ({
      path,
      before: shown(path, was),
      after: shown(path, is),
      why: isOptionNotSaid(path, was, is) ? OPTION_NOT_SAID : reasonFor(path, notSent),
    }));
}

function shown(path: string, leaves: Leaves): string | null {
  return NOT_SHOWN.test(path) ? null : (leaves.get(path)?.json ?? null);
}

function isOptionNotSaid(path: string, was: Leaves, is: Leaves): boolean {
  return path.endsWith('.deleteOption') && !was.has(path) && is.get(path)?.json === '"Detach"';
}

function reasonFor(path: string, notSent: readonly NotSent[]): string {
  const member = path.replace(/^vm\./, '');
  const told = notSent.find(
    (each) => member === each.path || member.startsWith(`${each.path}.`) || member.startsWith(`${each.path}[`),
  );
  return told?.why ?? REASONS.find(([rule]) => rule.test(path))?.[1] ?? UNEXPLAINED;
}

function leavesOf({ vm, nics, publicIps, extensions }: SavedVm): Leaves {
  const leaves = new Map<string, Leaf>();
  collect(vm.body, 'vm', leaves);
  for (const [kind, resources] of Object.entries({ nics, publicIps, extensions })) {
    for (const resource of resources) collect(resource.body, `${kind}[${nameOf(resource)}]`, leaves);
  }
  return leaves;
}

function collect(value: unknown, path: string, into: Map<string, Leaf>): void {
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) collect(each, `${path}[${placeOf(each) ?? index}]`, into);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) collect(each, `${path}.${key}`, into);
  } else if (value !== undefined && value !== null) {
    const json = JSON.stringify(value);
    into.set(path, { key: json.startsWith('"/subscriptions/') ? json.toLowerCase() : json, json });
  }
}

/** Disks are told by their LUN, whatever their order, and as what is not sent is told. */
function placeOf(value: unknown): string | null {
  const lun = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['lun'] : null;
  return typeof lun === 'number' ? `lun ${lun}` : null;
}

function nameOf({ azureId }: SavedResource): string {
  return azureId.slice(azureId.lastIndexOf('/') + 1).toLowerCase();
}
