import { afterAll, beforeAll, describe } from '@jest/globals';
import { disksContract } from './disks.js';
import { groupsContract } from './groups.js';
import { machinesContract } from './machines.js';
import { networkContract } from './network.js';
import { policiesContract } from './policies.js';
import { readerContract } from './reader.js';
import { snapshotsContract } from './snapshots.js';
import { sourcesContract } from './sources.js';
import type { CloudSubject } from './subject.js';

export { emulatedPolicy } from './subject.js';
export type { AssignedPolicy, CloudSubject } from './subject.js';

/** What every `Cloud` keeps to, noun by noun. Registers its tests under `name`. */
export function cloudContract(name: string, create: () => Promise<CloudSubject>): void {
  describe(`${name} as a Cloud`, () => {
    let subject: CloudSubject;
    beforeAll(async () => {
      subject = await create();
    });
    afterAll(() => subject.dispose());

    const get = (): CloudSubject => subject;
    readerContract(get);
    policiesContract(get);
    disksContract(get);
    snapshotsContract(get);
    networkContract(get);
    machinesContract(get);
    sourcesContract(get);
    groupsContract(get);
  });
}
