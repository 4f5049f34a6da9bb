import { parseBlobUrl, type BlobAccounts } from '@landfall/azure/blob';
import { NotFoundError, PermanentError, SEALING_CONTEXT, type Catalogue, type SecretBox } from '@landfall/domain';
import { resticAddress, Restic } from '@landfall/repository/writing';
import type { CapturePorts } from './ports.js';

export interface WriterPorts {
  readonly catalogue: Pick<Catalogue, 'repository' | 'sealedPassword'>;
  readonly secrets: SecretBox;
  readonly accounts: BlobAccounts;
}

/** What of this process' environment restic gets: it is another program, and has no business with our settings. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'XDG_CACHE_HOME', 'RESTIC_CACHE_DIR', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

/** Writers of the catalogue's repositories. */
export function repositoryWriters({ catalogue, secrets, accounts }: WriterPorts): CapturePorts['writerOf'] {
  return async (name) => {
    const repository = await catalogue.repository(name);
    if (repository === null) throw unknown(name);
    if (repository.kind !== 'restic') throw otherKind(name, repository.kind);
    const sealed = await catalogue.sealedPassword(name);
    const password = sealed === null ? '' : secrets.open(sealed, SEALING_CONTEXT.repositoryPassword(name)).reveal();
    return new Restic(resticAddress(repository.url), password, environmentFor(repository.url, accounts));
  };
}

function environmentFor(url: string, accounts: BlobAccounts): NodeJS.ProcessEnv {
  const passed = [...PASSED_ON, ...PROXIES].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  if (!url.startsWith('azure://')) return Object.fromEntries(passed);
  const { account } = parseBlobUrl(url);
  const listed = Object.hasOwn(accounts, account) ? accounts[account] : undefined;
  if (listed === undefined) throw keyMissing(account);
  return { ...Object.fromEntries(passed), AZURE_ACCOUNT_NAME: account, AZURE_ACCOUNT_KEY: listed.key.reveal() };
}

function unknown(name: string): NotFoundError {
  return new NotFoundError({
    code: 'REPOSITORY_UNKNOWN',
    message: `There is no repository called "${name}".`,
    fix: 'List the repositories with "landfall repo list"; add it again if it was removed.',
  });
}

function otherKind(name: string, kind: string): PermanentError {
  return new PermanentError({
    code: 'REPOSITORY_KIND_UNAVAILABLE',
    message: `The repository ${name} is of kind ${kind}; capture writes restic repositories.`,
    fix: 'Name a restic repository.',
  });
}

function keyMissing(account: string): PermanentError {
  return new PermanentError({
    code: 'REPOSITORY_KEY_MISSING',
    message: `The storage account ${account} has no key in LANDFALL_BLOB_ACCOUNTS, and restic writes with one.`,
    fix: 'Set its key for the provisioner in LANDFALL_BLOB_ACCOUNTS, then capture again.',
  });
}
