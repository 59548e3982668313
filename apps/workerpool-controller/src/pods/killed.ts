import type { WorkerPool } from '@redis-queue/api';
import { WORKER } from '../deployment/template/pod-schema.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import type { Problem } from '../kubernetes/reasons.ts';
import { lastKill, type Pod } from './pods.ts';

/** Pods of which a container was out of memory lately. */
export interface KilledPods {
  /** For the condition PodsKilled; undefined when none was. */
  readonly problem: Problem | undefined;
  /** After how many ms there is one less; undefined when there is none. */
  readonly dueInMs?: number;
}

/** How long a kill is reported. */
const REPORTED_MS = 3_600_000;

/**
 * The kills of the last hour, as far as pods show them: each says when it was killed last and how often it was restarted,
 * so that of a pod older than an hour only the last kill is certain. Pure.
 *
 * @param deployment what the containers' limits are read from
 */
export function killedPods(
  pool: WorkerPool,
  pods: readonly Pod[],
  deployment: Deployment | undefined,
  nowMs: number,
): KilledPods {
  const killed = pods
    .flatMap((pod) => {
      const kill = lastKill(pod);
      const atMs = Date.parse(kill?.at ?? '');
      return kill && nowMs - atMs < REPORTED_MS ? [{ pod, kill, atMs }] : [];
    })
    .toSorted((a, b) => b.atMs - a.atMs);
  const [last] = killed;
  if (!last) return { problem: undefined };
  const { container, at } = last.kill;
  const limit = memoryLimit(deployment, container);
  const times = killed.reduce((sum, { pod, kill }) => sum + timesOf(pod, kill.restarts, nowMs), 0);
  const many = killed.length > 1 ? ` ${killed.length} pods were killed in that hour.` : '';
  const message =
    `Pod ${last.pod.metadata.name} was killed: container ${container} OOMKilled (limit ${limit ?? 'of the node'}), ` +
    `last at ${at}; the pool's pods at least ${times === 1 ? 'once' : `${times} times`} in the hour before.${many} ` +
    wayOut(pool, container, limit);
  return { problem: { reason: 'OOMKilled', message }, dueInMs: Math.max(0, killed.at(-1)!.atMs + REPORTED_MS - nowMs) };
}

/** Whether the condition's message is of a later kill than the one before it; that kills are forgotten is no news. */
export function isNewKill(before: string | undefined, after: string): boolean {
  const [earlier, latest] = [before ?? '', after].map((message) => /, last at ([^;]+);/.exec(message)?.[1]);
  return latest !== undefined && (earlier === undefined || Date.parse(latest) > Date.parse(earlier));
}

function timesOf({ metadata }: Pod, restarts: number, nowMs: number): number {
  const isNew = nowMs - Date.parse(metadata.creationTimestamp ?? '') < REPORTED_MS;
  return isNew ? Math.max(1, restarts) : 1;
}

function memoryLimit(deployment: Deployment | undefined, container: string): string | undefined {
  interface Limited {
    name?: string;
    resources?: { limits?: { memory?: string } };
  }
  const { template } = (deployment?.spec ?? {}) as {
    template?: { spec?: { containers?: Limited[]; initContainers?: Limited[] } };
  };
  const { containers = [], initContainers = [] } = template?.spec ?? {};
  return [...containers, ...initContainers].find(({ name }) => name === container)?.resources?.limits?.memory;
}

function wayOut({ spec }: WorkerPool, container: string, limit: string | undefined): string {
  if (container !== WORKER) return `Raise the memory limit of container ${container} in spec.template.`;
  const lower = spec.concurrency > 1 ? `, or lower spec.concurrency (${spec.concurrency} jobs share that memory)` : '';
  const raise = limit === undefined ? 'Set spec.resources.requests.memory' : 'Raise spec.resources.limits.memory';
  return `${raise}${lower}. Its jobs run again, those that were killed twice alone; one that is killed four times fails.`;
}
