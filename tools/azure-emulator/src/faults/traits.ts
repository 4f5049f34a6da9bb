import { DISK, VIRTUAL_MACHINE } from '../state/records.js';

/** What of a resource, or of the body of a request for one, faults look at. */
export interface MachineLike {
  readonly zones: readonly string[];
  readonly properties: { readonly hardwareProfile?: { readonly vmSize?: string } };
}

/** The size and the zones of what has them. */
export function traits(resource: { readonly type: string } | undefined): {
  readonly size: string | undefined;
  readonly zones: readonly string[];
} {
  if (resource?.type !== VIRTUAL_MACHINE && resource?.type !== DISK) return { size: undefined, zones: [] };
  const { zones, properties } = resource as unknown as Partial<MachineLike>;
  return { size: properties?.hardwareProfile?.vmSize, zones: zones ?? [] };
}
