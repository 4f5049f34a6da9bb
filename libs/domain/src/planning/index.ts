export * from './facts.js';
export * from './plan-restore.js';
export { canonicalHash, canonicalJson } from './canonical-json.js';
export { decideRegion, decideResourceGroup, decideVmName } from './placement.js';
export { addressToAskFor, chosenSubnet, namedSubnet, networkOf } from './network.js';
