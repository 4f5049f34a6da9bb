import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { parseBody } from '../arm/body.js';
import { conflict } from '../arm/errors.js';
import { parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import type { FaultKind } from '../faults/fault.js';
import { accepted } from '../operations/answers.js';
import type { OperationKind } from '../operations/kind.js';
import { RESOURCE_GROUP, VIRTUAL_MACHINE, type ResourceGroupRecord } from '../state/records.js';
import { put, type Change } from '../state/state.js';
import { movedRecords } from './move-records.js';
import { moveOf, requireAdmissible, requireMovable, type Move } from './move-rules.js';
import { requireGroup } from './placement.js';

/*
 * Moving resources to another resource group of the subscription.
 *
 *   accept   what Resource Manager checks itself; both groups are locked against everything but reading
 *   run      what the resources' providers check; new ids for the resources, for what refers to them, and for their locks
 *   end      the groups are free again
 *
 * Meanwhile both groups read MovingResources. A move is not atomic: one that the fault `partial-move` strikes ends as
 * ResourceMoveTimedOut when half of the resources have moved, one that `move-times-out` strikes when all have. A validation does the same without moving anything, and locks nothing.
 */
const GROUP = '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}';
/** A single move can't take more (Azure Resource Manager limits). */
const MOST_RESOURCES = 800;

const BODY = z.strictObject({
  resources: z.array(z.string().min(1)).min(1).max(MOST_RESOURCES),
  targetResourceGroup: z.string().min(1),
});

export const MOVE_ROUTES: readonly Route[] = [
  {
    operation: 'Resources_MoveResources',
    method: 'POST',
    effect: 'action',
    path: `${GROUP}/moveResources`,
    handle: beginMove,
  },
  {
    operation: 'Resources_ValidateMoveResources',
    method: 'POST',
    effect: 'action',
    path: `${GROUP}/validateMoveResources`,
    handle: beginValidation,
  },
];

interface MoveInput extends Move {
  /** What the groups are locked by. */
  readonly moveId: string;
  /** After so many resources it times out; null: never. */
  readonly stopsAfter: number | null;
}

export const VALIDATE_MOVE: OperationKind<Move> = {
  name: 'resources.validateMove',
  run: (move, _, azure) => {
    requireMovable(move, azure);
    return { changes: [] };
  },
};

export const MOVE_RESOURCES: OperationKind<MoveInput> = {
  name: 'resources.move',
  run: async (move, _, azure) => {
    requireMovable(move, azure);
    const ids = move.resourceIds.slice(0, move.stopsAfter ?? move.resourceIds.length);
    const changes = await moved({ ...move, resourceIds: ids }, azure);
    if (move.stopsAfter === null) return { changes: [...changes, ...unlocked(move, azure)] };
    azure.state.commit(changes);
    throw conflict(
      'ResourceMoveTimedOut',
      `The resource move operation from resource group '${move.sourceGroup}' to resource group '${move.targetGroup}' did not ` +
        "finish within allowed time '04:00:00'. Provisioning state of the resource groups will be rolled back.",
    );
  },
  abandon: (move, _, azure) => unlocked(move, azure),
};

function beginMove(call: Call, azure: Azure): Answer {
  const { move, source, target } = admitted(call, azure);
  const moveId = randomUUID();
  const { resourceIds } = move;
  const fault = azure.faults.strike(['partial-move', 'move-times-out'], {
    operations: [MOVE_RESOURCES.name],
    resources: resourceIds,
  });
  const operation = azure.operations.begin(MOVE_RESOURCES, {
    resourceId: source.id,
    location: source.location,
    input: { ...move, moveId, stopsAfter: fault === null ? null : movedCount(fault.kind, resourceIds.length) },
    changes: [put({ ...source, movingBy: moveId }), put({ ...target, movingBy: moveId })],
  });
  return accepted(azure, operation, 'resources');
}

/** A move that times out may have moved everything all the same. */
function movedCount(fault: FaultKind, count: number): number {
  return fault === 'partial-move' ? Math.ceil(count / 2) : count;
}

function beginValidation(call: Call, azure: Azure): Answer {
  const { move, source } = admitted(call, azure);
  const operation = azure.operations.begin(VALIDATE_MOVE, {
    resourceId: source.id,
    location: source.location,
    input: move,
    changes: [],
  });
  return accepted(azure, operation, 'resources');
}

function admitted(call: Call, azure: Azure) {
  const source = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const { resources, targetResourceGroup } = parseBody(BODY, call.body);
  const { move, target } = moveOf(source, resources, targetResourceGroup, azure);
  requireAdmissible(move, source, target, call.principal, azure);
  return { move, source, target };
}

/** Machines' processes and folders follow at once, the records with the returned changes. */
async function moved(move: Move, azure: Azure): Promise<readonly Change[]> {
  const { records, changes } = movedRecords(move, azure);
  for (const { before, after } of records) {
    if (before.type === VIRTUAL_MACHINE && after.type === VIRTUAL_MACHINE) await azure.workers.rename(before, after);
  }
  return changes;
}

function unlocked(move: MoveInput, azure: Azure): readonly Change[] {
  const groups = [move.sourceGroupId, move.targetGroupId].flatMap((id) => azure.state.find(RESOURCE_GROUP, id) ?? []);
  return groups
    .filter((group) => group.movingBy === move.moveId)
    .map((group: ResourceGroupRecord) => put({ ...group, movingBy: null }));
}
