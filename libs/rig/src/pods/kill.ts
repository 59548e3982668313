import { readdirSync, readFileSync } from 'node:fs';
import type { Cluster } from './cluster.ts';
import { run } from './command.ts';

/**
 * Kills a pod's process with SIGKILL, as the kernel does when memory runs out: no drain, no hand-over. On a cluster of
 * this machine the process is found by its environment; elsewhere the pod is deleted by force, which comes close.
 */
export async function killPod(cluster: Cluster, namespace: string, pod: string): Promise<void> {
  if (!cluster.killsContainers) {
    await run(cluster.kubectl, ['delete', 'pod', pod, '-n', namespace, '--grace-period=0', '--force']);
    return;
  }
  const pids = processesOf(namespace, pod);
  if (pids.length === 0) throw new Error(`no process of pod ${namespace}/${pod} runs on this machine`);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
}

function processesOf(namespace: string, pod: string): number[] {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids.map(Number).filter((pid) => {
    const environment = environmentOf(pid);
    const has = (name: string, value: string): boolean => environment.includes(`${name}=${value}`);
    return (
      (has('POD_NAME', pod) && has('POD_NAMESPACE', namespace)) ||
      (has('RQ_POD_NAME', pod) && has('RQ_POOL_NAMESPACE', namespace))
    );
  });
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return []; // it has ended meanwhile
  }
}
