import type { Purpose } from '../../cloud/ledger.js';
import type { Tags } from '../../cloud/ownership.js';

/** Where something of ours is to be, what it is called, and what tells that it is ours. */
export interface Located {
  readonly resourceGroup: string;
  readonly name: string;
  readonly region: string;
  readonly zone: string | null;
  readonly tags: Tags;
  /** For the ledger, as the next one. */
  readonly role: string;
  readonly purpose: Purpose;
}

/** Something that is to be removed because it is ours. */
export interface Owned {
  readonly azureId: string;
  /** Every one of them must be on the resource, else `RESOURCE_FOREIGN`. */
  readonly tags: Tags;
}
