import type { RestoreView } from '@landfall/contract';

/** A restore as the API answers it; `state` may be one that this version does not know. */
export function aRestoreView(
  changes: Partial<Omit<RestoreView, 'state'>> & { readonly state?: string } = {},
): RestoreView {
  const { state = 'running', ...rest } = changes;
  return {
    id: 'r1',
    state: state as RestoreView['state'],
    restorePoint: { id: 'rp-0123456789' },
    destination: { kind: 'new' },
    planHash: null,
    steps: [],
    disks: [],
    vm: null,
    fidelity: [],
    problems: [],
    error: null,
    requestedBy: 'administrator',
    createdAt: '2026-01-01T00:00:00.000Z',
    endedAt: null,
    ...rest,
  };
}
