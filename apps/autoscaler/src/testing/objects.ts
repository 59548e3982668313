import { API_VERSION, type Queue, type WorkerPool, type WorkerPoolSpec } from '@redis-queue/api';
import type { QueueSample } from '@redis-queue/bullmq';
import type { Decision } from '@redis-queue/scaling';
import type { SecretObject, SecretSources } from '@redis-queue/redis-access';

/** An autoscaled pool for tests: 0 to 20 pods with 10 slots each, wait target 5 s. */
export function aPool(
  name: string,
  queues: string[],
  autoscaling: Partial<WorkerPoolSpec['autoscaling']> = {},
): WorkerPool {
  return {
    apiVersion: API_VERSION,
    kind: 'WorkerPool',
    metadata: { name, namespace: 'team', uid: `uid-of-${name}`, generation: 1 },
    spec: {
      image: 'registry.example/worker',
      version: '1',
      queues,
      concurrency: 10,
      replicas: 1,
      autoscaling: {
        enabled: true,
        minReplicas: 0,
        maxReplicas: 20,
        targetMetrics: { latencyP95: '5s' },
        ...autoscaling,
      },
    },
    status: { desiredReplicas: 0 },
  };
}

export function aQueue(name: string, spec: Queue['spec'] = {}): Queue {
  return { apiVersion: API_VERSION, kind: 'Queue', metadata: { name, namespace: 'team' }, spec };
}

export function aSecret(url: string, name = 'redis-credentials'): SecretObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'team' },
    data: { 'redis-url': Buffer.from(url).toString('base64') },
  };
}

/** What `watchSecrets` gives, with `secret` for the Secret of each name. */
export function secretSources(
  secret: (name: string) => SecretObject | undefined,
  permitted: readonly string[] = ['redis-credentials'],
): SecretSources {
  return { reader: 'autoscaler', permittedSecrets: new Set(permitted), secret: ({ name }) => secret(name) };
}

export function aSample(over: Partial<QueueSample> = {}): QueueSample {
  return {
    ref: { prefix: 'bull', name: 'emails' },
    redisTimeMs: 1_000_000,
    exists: true,
    waiting: 0,
    prioritized: 0,
    active: 0,
    delayed: 0,
    overdue: 0,
    dueSoon: 0,
    completed: 0,
    failed: 0,
    waitingChildren: 0,
    legacyPaused: 0,
    paused: false,
    addCounter: 0,
    ...over,
  };
}

/** To scale to three pods. */
export const DECISION: Decision = {
  desired: 3,
  reason: '3 replicas: x.',
  signals: [{ queue: 'emails', depth: 5, active: 2 }],
  confidence: 1,
  cooldownUntilMs: 70_000,
  safetyLimitHit: false,
};
