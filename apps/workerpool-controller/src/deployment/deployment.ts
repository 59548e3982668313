import { createHash } from 'node:crypto';
import { parseDuration, type WorkerPool } from '@redis-queue/api';
import { controllerOwnerReference, DEPLOYMENTS, typeMeta } from '@redis-queue/controller';
import { APPLIED_ANNOTATION, POOL_LABEL, poolLabels, VERSION_ANNOTATION } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import type { PoolQueues } from '../queues/resolve.ts';
import { podTemplate, type PodUser } from './template/pod-template.ts';

const DEFAULT_PROGRESS_DEADLINE = '10m';
const DEFAULT_MAX_SURGE = '25%';

/** What a Deployment is built from besides the pool and its queues. */
export interface BuildOptions {
  /** What the Deployment has to remember of its rollout. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Changes with the content of the ConfigMaps and Secrets that the template names; absent: it names none. */
  readonly configHash?: string | undefined;
  /** Absent: `DEFAULT_POD_USER`. */
  readonly podUser?: PodUser | undefined;
}

/**
 * The Deployment that a pool asks for, as `redis-queue` applies it: everything but the size. Pure.
 * It carries a hash of itself, which shows when a field was dropped that an earlier release or spec had applied.
 */
export function desiredDeployment(pool: WorkerPool, redis: PoolQueues, options: BuildOptions = {}): Deployment {
  const { name, namespace } = pool.metadata;
  const { progressDeadline = DEFAULT_PROGRESS_DEADLINE, maxSurge = DEFAULT_MAX_SURGE } = pool.spec.rollout ?? {};
  const built: Deployment = {
    ...typeMeta(DEPLOYMENTS),
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      labels: poolLabels(name),
      annotations: { [VERSION_ANNOTATION]: pool.spec.version, ...options.annotations },
      ownerReferences: [controllerOwnerReference(pool)],
    },
    spec: {
      selector: { matchLabels: { [POOL_LABEL]: name } },
      revisionHistoryLimit: 3,
      // As they are by default; said, so that what somebody else sets is drift: either would stop a rollout in silence.
      paused: false,
      minReadySeconds: 0,
      progressDeadlineSeconds: parseDuration(progressDeadline) / 1000,
      // New pods first: no job has to wait for a pod that was taken away.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge } },
      template: podTemplate(pool, redis, options.configHash, options.podUser),
    },
  };
  built.metadata.annotations![APPLIED_ANNOTATION] = hashOf(built);
  return built;
}

/** The pool as it would be with another version. */
export function atVersion(pool: WorkerPool, version: string): WorkerPool {
  return version === pool.spec.version ? pool : { ...pool, spec: { ...pool.spec, version } };
}

/** Changes with anything that would replace the pods. Pure. */
export function templateHash(pool: WorkerPool, redis: PoolQueues, configHash?: string, podUser?: PodUser): string {
  return hashOf(podTemplate(pool, redis, configHash, podUser));
}

export function poolSelector(name: string): string {
  return `${POOL_LABEL}=${name}`;
}

/** Of what is applied, as noted on the object that it is applied to. */
export function hashOf(built: object): string {
  return createHash('sha256').update(JSON.stringify(built)).digest('hex').slice(0, 16);
}
