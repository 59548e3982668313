export { eventually, type EventuallyOptions } from './eventually.ts';
export { startProcess, freePort, temporaryFolder } from './process.ts';
export type { ChildHandle, ProcessExit, ProcessOptions } from './process.ts';
export { processStartTime } from './guardian.ts';
export { startRedis, type RedisOptions, type RedisServer } from './redis.ts';
export { helmPath, startControlPlane } from './control-plane/control-plane.ts';
export type { ControlPlane, ControlPlaneOptions } from './control-plane/control-plane.ts';
export { assembleControlPlane, NODE_NAME } from './control-plane/assembly.ts';
export type { ControlPlaneAssembly, Launch, LaunchedComponent } from './control-plane/assembly.ts';
export { kubectl } from './control-plane/kubectl.ts';
export {
  cacheFolder,
  kubeModule,
  program,
  programFolder,
  VERSIONS,
  workspaceRoot,
  type ProgramSet,
} from './binaries.ts';
