import {
  BlobServiceClient,
  ContainerClient,
  ContainerSASPermissions,
  SASProtocol,
  StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
  type StoragePipelineOptions,
} from '@azure/storage-blob';
import type { ArchiveCopies, FileStore, Secret } from '@landfall/domain';
import { AmbientIdentity } from '../ambient-identity.js';
import { BlobArchiveCopies } from './archive-copies.js';
import { BlobFileStore } from './blob-file-store.js';
import type { BlobLocation } from './location.js';
import { asStoreError } from './storage-errors.js';

/** Storage accounts with a key of their own; one that is not listed is asked with the ambient identity. */
export type BlobAccounts = Readonly<
  Record<
    string,
    {
      /** Of the account's blob service, such as `https://ACCOUNT.blob.core.windows.net`. */
      readonly endpoint: string;
      readonly key: Secret;
    }
  >
>;

/** Repeating is the caller's business (a wrapper over every store); the client shall give up soon. */
const PIPELINE: StoragePipelineOptions = { retryOptions: { maxTries: 1, tryTimeoutInMs: 60_000 } };

/** Clocks differ: a SAS is valid from a little earlier on. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** For services, which may know the account's key. */
export function openBlobStore(location: BlobLocation, accounts: BlobAccounts): FileStore {
  const service = connectService(location.account, accounts);
  return storeOf(service.getContainerClient(location.container), location);
}

/** Of the files of a repository, into a container of their own in its account. */
export function openArchiveCopies(repository: BlobLocation, container: string, accounts: BlobAccounts): ArchiveCopies {
  const service = connectService(repository.account, accounts);
  const source = service.getContainerClient(repository.container);
  return new BlobArchiveCopies(source, repository.prefix, service.getContainerClient(container), describe(repository));
}

/** For a data-mover, which gets a URL with a SAS for a while, and no key. */
export function openGrantedBlobStore(grant: { containerUrl: string; prefix: string }): FileStore {
  const container = new ContainerClient(grant.containerUrl, undefined, PIPELINE);
  return storeOf(container, {
    account: container.accountName,
    container: container.containerName,
    prefix: grant.prefix,
  });
}

/**
 * A container's URL with a SAS that may list and read it for `seconds`: signed with the account's key, or by the
 * ambient identity where there is none (a user delegation SAS, 7 days at most).
 * Storage knows no SAS for a prefix of a flat container, so it covers the whole container.
 * @throws RetryableError `STORE_UNREACHABLE`; PermanentError `STORE_DENIED`
 */
export async function mintContainerReadSas(
  location: BlobLocation,
  accounts: BlobAccounts,
  seconds: number,
): Promise<string> {
  const service = connectService(location.account, accounts);
  const container = service.getContainerClient(location.container);
  const startsOn = new Date(Date.now() - CLOCK_SKEW_MS);
  const expiresOn = new Date(Date.now() + seconds * 1000);
  const values = {
    containerName: location.container,
    permissions: ContainerSASPermissions.parse('rl'),
    protocol: container.url.startsWith('https:') ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
    startsOn,
    expiresOn,
  };
  if (service.credential instanceof StorageSharedKeyCredential) {
    return `${container.url}?${generateBlobSASQueryParameters(values, service.credential).toString()}`;
  }
  try {
    const key = await service.getUserDelegationKey(startsOn, expiresOn);
    return `${container.url}?${generateBlobSASQueryParameters(values, key, location.account).toString()}`;
  } catch (error) {
    throw asStoreError(error, describe(location), null);
  }
}

function connectService(account: string, accounts: BlobAccounts): BlobServiceClient {
  const listed = Object.hasOwn(accounts, account) ? accounts[account] : undefined;
  if (listed !== undefined) {
    const credential = new StorageSharedKeyCredential(account, listed.key.reveal());
    return new BlobServiceClient(listed.endpoint.replace(/\/+$/, ''), credential, PIPELINE);
  }
  return new BlobServiceClient(`https://${account}.blob.core.windows.net`, new AmbientIdentity(), PIPELINE);
}

function storeOf(container: ContainerClient, location: BlobLocation): FileStore {
  return new BlobFileStore(container, location.prefix, describe(location));
}

function describe(location: BlobLocation): string {
  const path = [location.account, location.container, location.prefix].filter((part) => part !== '').join('/');
  return `the container azure://${path}`;
}
