import { badRequest } from '../arm/errors.js';
import { list, type Route } from '../arm/route.js';

export interface Region {
  readonly name: string;
  readonly displayName: string;
  readonly regionalDisplayName: string;
  readonly geography: string;
  /** Logical zones; empty where the region has none. */
  readonly zones: readonly string[];
}

export const REGIONS: readonly Region[] = [
  region('westeurope', 'West Europe', 'Europe', ['1', '2', '3']),
  region('northeurope', 'North Europe', 'Europe', ['1', '2', '3']),
  region('uksouth', 'UK South', 'Europe', ['1', '2', '3']),
  region('ukwest', 'UK West', 'Europe', []),
  region('germanywestcentral', 'Germany West Central', 'Europe', ['1', '2', '3']),
  region('eastus', 'East US', 'US', ['1', '2', '3']),
  region('eastus2', 'East US 2', 'US', ['1', '2', '3']),
  region('westus', 'West US', 'US', []),
  region('westus2', 'West US 2', 'US', ['1', '2', '3']),
];

function region(name: string, displayName: string, geography: string, zones: readonly string[]): Region {
  return { name, displayName, regionalDisplayName: `(${geography}) ${displayName}`, geography, zones };
}

/** `West Europe` and `westeurope` are one region. */
export function regionName(text: string): string {
  return text.replaceAll(' ', '').toLowerCase();
}

/** @throws AzureError 400 LocationNotAvailableForResourceType */
export function requireRegion(location: string, resourceType: string): Region {
  const found = REGIONS.find((candidate) => candidate.name === regionName(location));
  if (found !== undefined) return found;
  throw badRequest(
    'LocationNotAvailableForResourceType',
    `The provided location '${location}' is not available for resource type '${resourceType}'. ` +
      `List of available regions for the resource type is '${REGIONS.map(({ name }) => name).join(',')}'.`,
  );
}

/** @throws AzureError 400 when the region has no such zone */
export function requireZones(region: Region, zones: readonly string[]): void {
  const unknown = zones.find((zone) => !region.zones.includes(zone));
  if (unknown === undefined) return;
  throw badRequest(
    region.zones.length === 0 ? 'LocationNotSupportAvailabilityZones' : 'InvalidAvailabilityZone',
    `The zone '${unknown}' is not available in location '${region.name}'. ` +
      `Supported zones: '${region.zones.join(',')}'.`,
    'zones',
  );
}

export const REGION_ROUTES: readonly Route[] = [
  {
    operation: 'Subscriptions_ListLocations',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/locations',
    handle: (_, azure) =>
      list(
        REGIONS.map(({ name, displayName, regionalDisplayName, geography, zones }) => ({
          id: `/subscriptions/${azure.subscriptionId}/locations/${name}`,
          name,
          type: 'Region',
          displayName,
          regionalDisplayName,
          metadata: { regionType: 'Physical', regionCategory: 'Recommended', geographyGroup: geography },
          ...(zones.length === 0
            ? {}
            : {
                availabilityZoneMappings: zones.map((zone) => ({
                  logicalZone: zone,
                  physicalZone: `${name}-az${zone}`,
                })),
              }),
        })),
      ),
  },
];
