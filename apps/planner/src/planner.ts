import {
  type ArchivedFile,
  type BackupRepository,
  type ListedDisk,
  makingsOf,
  newRestoreId,
  NotFoundError,
  PermanentError,
  planRestore,
  type ByteRange,
  type Catalogue,
  type CloudPolicies,
  type JudgedMaking,
  type OriginalFacts,
  type PlanningFacts,
  type RestoreBooks,
  type PlannedContents,
  type PlanningSettings,
  type PointSurvey,
  type PointSurveys,
  type Problem,
  type RestorePlan,
  type RestorePoint,
  type RestoreRequest,
} from '@landfall/domain';
import { boundedMap } from '@landfall/pipeline';
import type { OpenRepositories } from '@landfall/repository';
import { cutSegments } from '@landfall/transfer';
import type { TargetReader } from './facts/asked-once.js';
import { lookAtTarget } from './facts/look-at-target.js';
import {
  lookIntoPoint,
  NOTHING_SEEN,
  recallPoint,
  type PointFindings,
  type SeenPoint,
} from './facts/look-into-point.js';

/** A restore of many disks asks about each. */
const POLICY_QUESTIONS_AT_ONCE = 8;

export interface PlannerPorts {
  readonly catalogue: Catalogue;
  readonly cloud: TargetReader;
  readonly policies: CloudPolicies;
  readonly repositories: OpenRepositories;
  readonly surveys: Pick<PointSurveys, 'survey'>;
  readonly settings: PlanningSettings;
  readonly books: Pick<RestoreBooks, 'replacing'>;
}

/** A plan, and what its disks are to hold as far as anybody could look at it. */
export interface Prepared {
  readonly plan: RestorePlan;
  readonly contents: readonly PlannedContents[];
  /** What has to be brought back from the archive tier before it can be read. */
  readonly archived: readonly ArchivedFile[];
}

/** RestoreRequest → RestorePlan: gathers the facts from the repository and from Azure, and lets the rules decide. */
export class Planner {
  constructor(private readonly ports: PlannerPorts) {}

  /**
   * @param restoreId that it is made for; null: it is a dry run
   * @throws NotFoundError `POINT_NOT_FOUND`, `REPOSITORY_UNKNOWN`; what reading the repository and asking Azure throw
   */
  async prepare(request: RestoreRequest, signal?: AbortSignal, restoreId: string | null = null): Promise<Prepared> {
    const { catalogue, cloud, settings } = this.ports;
    const point = await catalogue.point(request.restorePointId);
    if (point === null) throw pointNotFound(request.restorePointId);
    const [repository, findings, target] = await Promise.all([
      catalogue.repository(point.repositoryName),
      this.#lookInto(point, request, signal),
      lookAtTarget(cloud, request, point, settings),
    ]);
    const facts: PlanningFacts = {
      point,
      hostedByProvider: repository?.hostedByProvider ?? false,
      request,
      disks: findings.disks.map(({ name, extents }) => ({ name, usedBytes: bytesIn(extents) })),
      machine: findings.machine,
      archive: { files: findings.archived.map(({ path, sizeBytes }) => ({ path, sizeBytes })) },
      target: { ...target, original: await this.#withOthers(target.original, restoreId) },
      policies: [],
      settings,
    };
    const plan = planRestore({ ...facts, policies: await this.#judged(facts, restoreId ?? newRestoreId()) });
    return { plan, contents: contentsOf(plan, findings), archived: facts.archive?.files ?? [] };
  }

  /** Azure's policies judge what will be asked for, which the plan says: so it is made once without them. */
  #judged(facts: PlanningFacts, restoreId: string): Promise<readonly JudgedMaking[]> {
    const { policies, settings } = this.ports;
    const saved = facts.target.original?.saved ?? null;
    const makings = makingsOf(planRestore(facts), saved, { applianceId: settings.applianceId, restoreId });
    return boundedMap(makings, POLICY_QUESTIONS_AT_ONCE, async (making) => ({
      ...making,
      answer: await policies.denying(making.made),
    }));
  }

  async #withOthers(original: OriginalFacts | null, restoreId: string | null): Promise<OriginalFacts | null> {
    if (original === null || original.vm === null) return original;
    const others = await this.ports.books.replacing(original.vm.azureId);
    return { ...original, otherRestores: others.filter((id) => id !== restoreId) };
  }

  async #lookInto(
    point: RestorePoint,
    request: RestoreRequest,
    signal: AbortSignal | undefined,
  ): Promise<PointFindings> {
    if (point.disks.length === 0 || point.kind === 'snapshot') return NOTHING_SEEN;
    const { repositories, surveys } = this.ports;
    const { excludeDisks } = request;
    return repositories.useAsItIsNow(point.repositoryName, async (repository) => {
      const withArchived = async (findings: SeenPoint, known?: PointSurvey): Promise<PointFindings> => {
        const listed = async (): Promise<readonly ListedDisk[]> =>
          listDisks(repository, findings, known ?? (await surveys.survey(point.id)), signal);
        return { ...findings, archived: await repository.archivedFiles(listed, signal) };
      };
      try {
        return await withArchived(await lookIntoPoint(repository, point, excludeDisks, signal));
      } catch (error) {
        if (!(error instanceof PermanentError) || error.code !== 'FILE_ARCHIVED') throw error;
        const survey = await surveys.survey(point.id);
        // What it consists of was not noted while it could be read.
        if (survey === null) return withProblem(NOTHING_SEEN, archivedUnseen(error));
        return withArchived(await recallPoint(repository, point, excludeDisks, survey), survey);
      }
    });
  }
}

function contentsOf({ restorePoint, disks }: RestorePlan, findings: PointFindings): readonly PlannedContents[] {
  return disks.flatMap(({ name, sizeBytes }) => {
    const found = findings.disks.find((disk) => disk.name === name);
    if (found === undefined) return [];
    const { recipe, image, extents } = found;
    const source = { repository: restorePoint.repository, images: [image] };
    return [{ name, recipe, source, used: cutSegments(extents, sizeBytes) }];
  });
}

function withProblem(findings: PointFindings, problem: Problem): PointFindings {
  const { machine } = findings;
  return { ...findings, machine: { ...machine, problems: [...machine.problems, problem] } };
}

/** What the disks are read from: as it was noted, else as it can be read. */
async function listDisks(
  repository: BackupRepository,
  { disks }: SeenPoint,
  survey: PointSurvey | null,
  signal: AbortSignal | undefined,
): Promise<readonly ListedDisk[]> {
  const listed: ListedDisk[] = [];
  for (const { image } of disks) {
    const known = survey?.disks.find(({ location }) => location === image.location);
    const { location } = image;
    listed.push({ location, blobs: known?.blobs ?? (await repository.listBlobs(location, signal)) });
  }
  return listed;
}

function archivedUnseen({ message }: PermanentError): Problem {
  return {
    severity: 'error',
    code: 'POINT_ARCHIVED',
    message: `${message} Nothing was noted of this restore point while it could be read.`,
    fix: 'Bring the packs of its trees back to an online tier and rescan the repository; then the restore brings back the rest.',
  };
}

function bytesIn(extents: readonly ByteRange[]): number {
  return extents.reduce((sum, extent) => sum + extent.length, 0);
}

function pointNotFound(id: string): NotFoundError {
  return new NotFoundError({
    code: 'POINT_NOT_FOUND',
    message: `There is no restore point "${id}".`,
    fix: 'List the restore points with "landfall point list"; rescan the repository if the backup is new.',
  });
}
