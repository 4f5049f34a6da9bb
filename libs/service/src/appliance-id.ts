import { BadInputError, type KeptApplianceId } from '@landfall/domain';

export interface ApplianceIdSources {
  /** `LANDFALL_APPLIANCE_ID`. */
  readonly given: string | undefined;
  readonly kept: KeptApplianceId;
  /** Of the VM that this process runs on. */
  vmId(): Promise<string>;
}

/**
 * The value of the tag on everything that this installation makes in Azure: what Postgres keeps. The first service that starts
 * keeps there what it is given, or else the id of its VM. From then on nobody asks for the VM: an appliance that is restored to
 * another one goes on with what it has made. A given one is kept as well, so that it can be left out later.
 * @throws BadInputError `CONFIG_INVALID` when another one is given than is kept, or none where one has been in use; what `vmId`
 *   throws
 */
export async function applianceIdOf({ given, kept, vmId }: ApplianceIdSources): Promise<string> {
  const id = (await kept.read()) ?? (await kept.keep(given ?? (await unused(kept, vmId))));
  if (given !== undefined && given !== id) throw another(given, id);
  return id;
}

/** An installation of a version that kept none has been given what it has tagged, and nobody else knows it. */
async function unused(kept: KeptApplianceId, vmId: () => Promise<string>): Promise<string> {
  if (!(await kept.anythingMade())) return vmId();
  throw new BadInputError({
    code: 'CONFIG_INVALID',
    message:
      'LANDFALL_APPLIANCE_ID is not set, and this installation has made things in Azure under an id that Postgres does not keep yet.',
    fix: 'Set LANDFALL_APPLIANCE_ID once more to what it was: the value of the tag landfall-appliance on what was made. From then on it may be left out.',
  });
}

function another(given: string, kept: string): BadInputError {
  return new BadInputError({
    code: 'CONFIG_INVALID',
    message: `LANDFALL_APPLIANCE_ID is "${given}", but everything that this installation has made in Azure is tagged "${kept}": it would be foreign, and nobody would go on with it or remove it.`,
    fix: `Leave LANDFALL_APPLIANCE_ID out or set it to "${kept}", and start again. docs/configuration.md says how to begin under another one.`,
  });
}
