import type { SettingValues } from './settings.js';

/*
 * How long Azure takes, for trials in which that matters: what is never seen when operations take no time. Without a
 * profile they take none.
 */
export const PROFILE_NAMES = ['azure'] as const;

export type ProfileName = (typeof PROFILE_NAMES)[number];

/** As recorded: an empty disk, CopyStart, an attachment, powering off, an empty group, the move of one resource. */
const RECORDED_MS = {
  'disks.create': 100,
  'snapshots.create': 1_200,
  'virtualMachines.update': 8_000,
  'virtualMachines.powerOff': 6_000,
  'resources.deleteGroup': 16_000,
  'resources.move': 125_000,
};

/** Of these no recording was found; so long that somebody has to wait. */
const CHOSEN_MS = {
  'resources.validateMove': 15_000,
  'disks.update': 100,
  'disks.delete': 100,
  'disks.grantAccess': 500,
  'disks.revokeAccess': 500,
  'snapshots.update': 100,
  'snapshots.delete': 100,
  'virtualMachines.create': 20_000,
  'virtualMachines.delete': 20_000,
  'virtualMachines.start': 15_000,
  'virtualMachines.restart': 15_000,
  'virtualMachines.deallocate': 20_000,
  'network.write': 1_000,
  'network.delete': 2_000,
};

/** Disks, groups and moves as recorded, machines as published; of the network no recording was found. */
const RETRY_AFTER_SECONDS = { disks: 2, snapshots: 2, resources: 15, virtualMachines: 10, network: 10 };

export const PROFILES: Readonly<Record<ProfileName, Partial<SettingValues>>> = {
  azure: {
    delaysMs: { ...CHOSEN_MS, ...RECORDED_MS },
    retryAfterSecondsOf: RETRY_AFTER_SECONDS,
    backgroundCopyMs: 60_000,
  },
};
