export { DoorKeeper, type DoorSettings } from './door-keeper.js';
export type { DoorOwner } from './door-rules.js';
export { type DoorWatch, keepDoors, watchDoors } from './door-watch.js';
export { RedisWorkerDoors } from './redis-worker-doors.js';
export { shutDoor } from './shut-door.js';
