export * from './facts.js';
export * from './plan-restore.js';
export { vmShortage } from './quota.js';
export { canonicalHash, canonicalJson } from './canonical-json.js';
export { decideRegion, decideResourceGroup, decideVmName, spelledRegion } from './placement.js';
export { lockedProblems } from './original/locks.js';
export { livingDisks, livingVm } from './original/living-vm.js';
export { originalDiskIds, originalVm } from './original/source.js';
export { addressToAskFor, chosenSubnet, namedSubnet, networkOf } from './network.js';
