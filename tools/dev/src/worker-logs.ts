import { follow, type Cluster, type Command } from '@redis-queue/rig/pods';
import { startSource } from './sources.ts';

/** Label of a pool's pods. */
const POOL_LABEL = 'redis-queue.io/pool';

/** A line of `kubectl get pods --watch`: name and phase. */
const COLUMNS = 'custom-columns=NAME:.metadata.name,PHASE:.status.phase';

/** What stands in front of a pod's lines: `worker` and the part of its name that no other pod has. */
export function sourceOf(pod: string): string {
  return `worker ${pod.slice(pod.lastIndexOf('-') + 1)}`;
}

/** The pod of a line when it has just begun to run; `seen` remembers those that were reported. */
export function newlyRunning(line: string, seen: Set<string>): string | undefined {
  const [name = '', phase = ''] = line.trim().split(/\s+/);
  if (phase !== 'Running' || seen.has(name)) return undefined;
  seen.add(name);
  return name;
}

/** Passes on the log lines of all worker pods of a namespace, those that start later included, until `signal`. */
export function followWorkers(
  { kubectl }: Pick<Cluster, 'kubectl'>,
  namespace: string,
  onLine: (source: string, line: string) => void,
  signal: AbortSignal,
): void {
  const seen = new Set<string>();
  const watching = ['get', 'pods', `--namespace=${namespace}`, `--selector=${POOL_LABEL}`, '--watch', '--no-headers'];
  follow(
    kubectl,
    [...watching, `--output=${COLUMNS}`],
    (line) => {
      const pod = newlyRunning(line, seen);
      if (pod === undefined) return;
      onLine(sourceOf(pod), `pod ${pod} runs`);
      const source = startSource(logsOf(kubectl, namespace, pod), (each) => onLine(sourceOf(pod), each), signal);
      void source.ended;
    },
    signal,
  );
}

function logsOf({ program, args }: Command, namespace: string, pod: string): Parameters<typeof startSource>[0] {
  return { command: program, args: [...args, 'logs', '--follow', `--namespace=${namespace}`, pod], env: {} };
}
