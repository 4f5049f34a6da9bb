import {
  NotFoundError,
  planRestore,
  type Catalogue,
  type PlanningSettings,
  type RestorePlan,
  type RestorePoint,
  type RestoreRequest,
} from '@landfall/domain';
import type { OpenRepositories } from '@landfall/repository';
import type { TargetReader } from './facts/asked-once.js';
import { lookAtTarget } from './facts/look-at-target.js';
import { lookIntoPoint, NOTHING_SEEN, type PointFindings } from './facts/look-into-point.js';

export interface PlannerPorts {
  readonly catalogue: Catalogue;
  readonly cloud: TargetReader;
  readonly repositories: OpenRepositories;
  readonly settings: PlanningSettings;
}

/** RestoreRequest → RestorePlan: gathers the facts from the repository and from Azure, and lets the rules decide. */
export class Planner {
  constructor(private readonly ports: PlannerPorts) {}

  /**
   * @throws NotFoundError `POINT_NOT_FOUND`, `REPOSITORY_UNKNOWN`; what reading the repository and asking Azure throw
   */
  async plan(request: RestoreRequest, signal?: AbortSignal): Promise<RestorePlan> {
    const { catalogue, cloud, settings } = this.ports;
    const point = await catalogue.point(request.restorePointId);
    if (point === null) throw pointNotFound(request.restorePointId);
    const [repository, findings, target] = await Promise.all([
      catalogue.repository(point.repositoryName),
      this.#lookInto(point, request, signal),
      lookAtTarget(cloud, request, point, settings),
    ]);
    return planRestore({
      point,
      hostedByProvider: repository?.hostedByProvider ?? false,
      request,
      disks: findings.disks,
      machine: findings.machine,
      target,
      settings,
    });
  }

  async #lookInto(
    point: RestorePoint,
    request: RestoreRequest,
    signal: AbortSignal | undefined,
  ): Promise<PointFindings> {
    if (point.disks.length === 0 || point.kind === 'snapshot') return NOTHING_SEEN;
    const { repositories } = this.ports;
    return repositories.useAsItIsNow(point.repositoryName, (repository) =>
      lookIntoPoint(repository, point, request.excludeDisks, signal),
    );
  }
}

function pointNotFound(id: string): NotFoundError {
  return new NotFoundError({
    code: 'POINT_NOT_FOUND',
    message: `There is no restore point "${id}".`,
    fix: 'List the restore points with "landfall point list"; rescan the repository if the backup is new.',
  });
}
