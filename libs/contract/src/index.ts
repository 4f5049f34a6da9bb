export * from './damage.js';
export { ERROR } from './fields.js';
export * from './captures.js';
export * from './operations.js';
export * from './problem.js';
export * from './reading.js';
export * from './repositories.js';
export { INSPECTION, type InspectionView, SEEN_ON_SOME_DISK } from './inspection.js';
export {
  INSPECTED_POINT,
  type InspectedPointView,
  MACHINE,
  type MachineView,
  RESTORE_POINT,
  RESTORE_POINTS_QUERY,
  type PointView,
} from './restore-points.js';
export { RESTORE_PLAN, type PlanView } from './restore-plan.js';
export { RESTORE_REQUEST, type RestoreOrder } from './restore-request.js';
export * from './restores.js';
export * from './route.js';
export * from './routes.js';
export * from './tokens.js';
