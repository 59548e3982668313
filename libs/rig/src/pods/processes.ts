import { readdirSync, readFileSync } from 'node:fs';

/** The processes of a pod that runs on this machine, by their environment. */
export function processesOfPod(namespace: string, pod: string): number[] {
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

/**
 * The process that the pod's container was started with, to which the kubelet sends its signals; the others are its
 * children. Undefined when none runs.
 */
export function mainProcessOfPod(namespace: string, pod: string): number | undefined {
  const pids = processesOfPod(namespace, pod);
  return pids.find((pid) => !pids.includes(parentOf(pid)));
}

function parentOf(pid: number): number {
  try {
    // after the program's name, which may hold spaces and brackets, come the state and the parent
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    );
  } catch {
    return -1; // it has ended meanwhile
  }
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return []; // it has ended meanwhile
  }
}
