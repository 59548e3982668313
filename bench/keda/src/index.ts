export { startKeda, type Keda } from './keda.ts';
export { AS_INSTALLED, listScaling, redisAuthentication, TUNED } from './scaled-objects.ts';
export type { ListScaling, ScaledObject, ScalingSettings } from './scaled-objects.ts';
