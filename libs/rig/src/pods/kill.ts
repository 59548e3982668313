import type { Cluster } from './cluster.ts';
import { run } from './command.ts';
import { processesOfPod } from './processes.ts';

/**
 * Kills a pod's process with SIGKILL, as the kernel does when memory runs out: no drain, no hand-over. On a cluster of
 * this machine the process is found by its environment; elsewhere the pod is deleted by force, which comes close.
 */
export async function killPod(cluster: Cluster, namespace: string, pod: string): Promise<void> {
  if (!cluster.killsContainers) {
    await run(cluster.kubectl, ['delete', 'pod', pod, '-n', namespace, '--grace-period=0', '--force']);
    return;
  }
  const pids = processesOfPod(namespace, pod);
  if (pids.length === 0) throw new Error(`no process of pod ${namespace}/${pod} runs on this machine`);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
}
