export { TestObjects, type StoredEvent, type WithConditions } from './objects.ts';
export { startRig, type Rig, type RigOptions } from './rig.ts';
export type { ControllerSettings, RunningController, Wire } from './running-controller.ts';
export {
  contradictions,
  describeHealth,
  healthOf,
  lintMetrics,
  recordHealth,
  type Health,
  type Recording,
} from './health.ts';
