import type { TestProject } from 'vitest/node';
import { installChart, removeChart, run, type Cluster } from '@redis-queue/rig/pods';
import { openCluster } from './open.ts';
import { TEAM_LABEL } from './team-label.ts';

declare module 'vitest' {
  interface ProvidedContext {
    cluster: Cluster;
  }
}

/** The definitions are cluster-wide: one installation serves every test file. */
const CRDS = 'redis-queue-crds';

/** One cluster for all end-to-end tests of a run; `KUBE_CONTEXT` names one of the user's instead. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await openCluster('e2e', process.env.KUBE_CONTEXT || undefined, (line) => console.log(line));
  try {
    await installChart(cluster, 'default', CRDS, { keep: 'false' });
    const { description, images, kubectl, helm, killsContainers } = cluster;
    project.provide('cluster', { description, images, kubectl, helm, killsContainers });
  } catch (error) {
    await cluster.end();
    throw error;
  }
  return async () => {
    // The namespaces that tests deleted have to go completely, before the definitions of what is in them do.
    const gone = ['wait', 'namespace', `--selector=${TEAM_LABEL}`, '--for=delete', '--timeout=120s'];
    await run(cluster.kubectl, gone);
    await removeChart(cluster, 'default', CRDS);
    await cluster.end();
  };
}
