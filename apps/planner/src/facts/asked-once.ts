import type { CloudReader } from '@landfall/domain';

/** What planning asks of Azure about the place where a restore goes. */
export type TargetReader = Pick<
  CloudReader,
  | 'resourceGroup'
  | 'regions'
  | 'sizes'
  | 'usages'
  | 'subnetsOf'
  | 'subnetsIn'
  | 'addressIsFree'
  | 'vm'
  | 'savedVm'
  | 'disk'
  | 'locks'
  | 'vmId'
  | 'providerRegistered'
>;

/**
 * A reader that asks nothing twice at once: who asks what has been asked and not been answered yet gets the same answer.
 * Restores of many machines ask the same of Azure, whose limit on reads is what they wait for. Nothing is kept: what has
 * been answered is asked anew, so that whoever has mended something and plans again sees it.
 */
export function askedOnce(cloud: TargetReader): TargetReader {
  const waiting = new Map<string, Promise<unknown>>();
  function once<T>(question: string, ask: () => Promise<T>): Promise<T> {
    const asked = waiting.get(question) as Promise<T> | undefined;
    if (asked !== undefined) return asked;
    const answer = ask().finally(() => waiting.delete(question));
    waiting.set(question, answer);
    return answer;
  }
  return {
    resourceGroup: (name) => once(`resource group ${name}`, () => cloud.resourceGroup(name)),
    regions: () => once('regions', () => cloud.regions()),
    sizes: (region) => once(`sizes ${region}`, () => cloud.sizes(region)),
    usages: (region) => once(`usages ${region}`, () => cloud.usages(region)),
    subnetsOf: (networkId) => once(`subnets of ${networkId}`, () => cloud.subnetsOf(networkId)),
    subnetsIn: (resourceGroup) => once(`subnets in ${resourceGroup}`, () => cloud.subnetsIn(resourceGroup)),
    addressIsFree: (subnetId, address) =>
      once(`address ${address} in ${subnetId}`, () => cloud.addressIsFree(subnetId, address)),
    vm: (id) => once(`vm ${id}`, () => cloud.vm(id)),
    savedVm: (id) => once(`saved vm ${id}`, () => cloud.savedVm(id)),
    disk: (id) => once(`disk ${id}`, () => cloud.disk(id)),
    locks: (ids) => once(`locks on ${ids.join(' ')}`, () => cloud.locks(ids)),
    vmId: (resourceGroup, name) => cloud.vmId(resourceGroup, name),
    providerRegistered: (namespace) => once(`provider ${namespace}`, () => cloud.providerRegistered(namespace)),
  };
}
