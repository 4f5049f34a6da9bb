import type { VmSize } from '../ports/cloud/reader.js';
import { azureModel } from './azure-model.js';
import type { PlanningFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';
import { disksAlone } from './remedies.js';

/*
 * What protected the source VM below its system. The new VM is a standard one: Azure takes a Trusted Launch VM around a disk
 * only if that was made as such a disk, and neither an empty nor an uploaded disk is.
 */
export function checkSecurityType(
  { point, request }: PlanningFacts,
  size: VmSize | null,
  problems: FoundProblems,
): void {
  const { securityType } = azureModel(point);
  if (securityType === null || request.disksOnly) return;
  if (securityType === 'ConfidentialVM') {
    problems.error(
      'SECURITY_TYPE',
      `"${point.machineName}" was a confidential VM, and this version can't make one.`,
      `Restore its disks with ${disksAlone(request)}.`,
    );
    return;
  }
  const again = `stop it and give it back with: az vm update --name VM --resource-group GROUP --security-type TrustedLaunch`;
  problems.warning(
    'SECURITY_TYPE',
    `"${point.machineName}" was a Trusted Launch VM and becomes a standard one. What its virtual TPM held is lost: a disk that BitLocker sealed to it asks for the recovery key.`,
    size === null || size.trustedLaunch || request.destination.kind === 'original'
      ? `Have the recovery keys at hand. Once the new VM runs, ${again}.`
      : `Have the recovery keys at hand. The size ${size.name} can't have Trusted Launch; give a --size that can if it is wanted again.`,
  );
}
