import { OWNER_TAGS, tagOf } from '@landfall/domain';
import type { Call, CommonOptions } from '../command-line.js';
import { tableOr } from '../output/table.js';
import { formatBytes } from '../output/units.js';
import { connect } from '../stack/connect.js';
import type { AzureResourceView } from '../stack/views.js';

/** The inventory of the emulated Azure for a person: what costs money first, whose it is, and what holds it. */
export interface ListOptions extends CommonOptions {
  readonly resourceGroup?: string;
  readonly owner?: string;
}

export async function listAzure({ options, output }: Call<ListOptions>): Promise<void> {
  const all = await connect(options.data).azure.get<AzureResourceView[]>('/_emulator/resources');
  const resources = all.filter((resource) => isWanted(resource, options));
  output.print(resources, () => inventoryText(resources));
}

export function inventoryText(resources: readonly AzureResourceView[]): string {
  const table = tableOr(
    'There is nothing.',
    ['TYPE', 'NAME', 'GROUP', 'STATE', 'SIZE', 'OWNER', 'HELD BY'],
    resources.map((resource) => [
      nameOf(resource.type),
      resource.name,
      groupOf(resource) ?? '-',
      stateText(resource),
      resource.sizeBytes === undefined ? '-' : formatBytes(resource.sizeBytes),
      ownerText(resource),
      resource.managedBy === undefined ? '-' : nameOf(resource.managedBy),
    ]),
  );
  if (resources.length === 0) return table;
  const costly = resources.filter(({ monthlyCostRank }) => monthlyCostRank !== undefined).length;
  return `${table}\n\n${resources.length} resource(s); the first ${costly} would cost money.`;
}

function isWanted(resource: AzureResourceView, { resourceGroup, owner }: ListOptions): boolean {
  if (resourceGroup !== undefined && groupOf(resource)?.toLowerCase() !== resourceGroup.toLowerCase()) return false;
  if (owner === undefined) return true;
  return [OWNER_TAGS.appliance, OWNER_TAGS.restore].some((name) => tagOf(resource.tags ?? {}, name) === owner);
}

/** The group that a resource is in, or is. */
function groupOf({ id }: AzureResourceView): string | undefined {
  return /\/resourceGroups\/([^/]+)/i.exec(id)?.[1];
}

/** `running`, `Attached`; the provisioning state only where it says something. */
function stateText({ powerState, diskState, provisioningState }: AzureResourceView): string {
  const inProgress = provisioningState === 'Succeeded' ? undefined : provisioningState;
  return [powerState ?? diskState, inProgress].filter(Boolean).join(', ') || 'ready';
}

/** `disk of R (appliance A)`, as its tags tell; `-` for what isn't Landfall's. */
function ownerText({ tags = {} }: AzureResourceView): string {
  const [appliance, restore, role] = [OWNER_TAGS.appliance, OWNER_TAGS.restore, OWNER_TAGS.role].map((name) =>
    tagOf(tags, name),
  );
  if (appliance === null && restore === null) return '-';
  return `${role ?? 'something'} of ${restore ?? '?'} (appliance ${appliance ?? '?'})`;
}

function nameOf(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
