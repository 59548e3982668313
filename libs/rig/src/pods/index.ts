export type { Cluster, Images, OpenedCluster } from './cluster.ts';
export { follow, run, type Command } from './command.ts';
export { forward, type Forward } from './forward.ts';
export { apply, createNamespace, createSite, installChart, removeChart, type Site } from './install.ts';
export { applyExamples } from './examples.ts';
export { deployRedis } from './redis.ts';
export { killPod } from './kill.ts';
export { mainProcessOfPod, processesOfPod } from './processes.ts';
