import type { Target } from '../target.js';
import { DISK_TARGETS } from './disks.js';
import { REPOSITORY_TARGETS } from './repository.js';

export const TARGETS: readonly Target[] = [...REPOSITORY_TARGETS, ...DISK_TARGETS];
