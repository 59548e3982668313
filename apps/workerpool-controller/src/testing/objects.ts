import { randomUUID } from 'node:crypto';
import type { Queue, WorkerPool, WorkerPoolSpec } from '@redis-queue/api';
import { SCHEMA_VERSION, type ScalingDecision } from '@redis-queue/scaling-bus';
import type { Deployment, ManagedFields } from '../kubernetes/objects.ts';
import type { PoolQueues } from '../queues/resolve.ts';

// Objects for unit tests.

export function aPool(spec: Partial<WorkerPoolSpec> = {}, status?: WorkerPool['status']): WorkerPool {
  return {
    apiVersion: 'redis-queue.io/v1',
    kind: 'WorkerPool',
    metadata: { name: 'email-workers', namespace: 'team-a', uid: 'pool-uid', generation: 1 },
    spec: {
      image: 'registry.example/worker',
      version: '1.4.2',
      queues: ['emails'],
      concurrency: 10,
      replicas: 1,
      ...spec,
    },
    ...(status && { status }),
  };
}

export function autoscaled(minReplicas: number, maxReplicas: number): Pick<WorkerPoolSpec, 'autoscaling'> {
  return { autoscaling: { enabled: true, minReplicas, maxReplicas } };
}

export function aQueue(name: string, spec: Queue['spec'] = {}): Queue {
  return { apiVersion: 'redis-queue.io/v1', kind: 'Queue', metadata: { name, namespace: 'team-a' }, spec };
}

export const someQueues: PoolQueues = {
  queues: [{ queue: 'emails', name: 'emails', prefix: 'bull' }],
  secretName: 'redis-credentials',
  tls: false,
  keys: ['redis-url', 'redis-host', 'redis-port', 'redis-db', 'redis-username', 'redis-password'],
  secretHash: 'abcd1234',
};

export function ownerOfReplicas(manager: string, operation: 'Apply' | 'Update', time?: string): ManagedFields {
  return { manager, operation, ...(time && { time }), fieldsV1: { 'f:spec': { 'f:replicas': {} } } };
}

/** `built` as the API server would show it after both managers applied. */
export function liveDeployment(
  built: Deployment,
  replicas: number,
  annotations: Record<string, string> = {},
  managedFields: ManagedFields[] = [ownerOfReplicas('redis-queue-scale', 'Apply')],
): Deployment {
  return {
    ...structuredClone(built),
    metadata: {
      ...structuredClone(built.metadata),
      uid: 'deployment-uid',
      resourceVersion: '7',
      generation: 1,
      annotations: { ...built.metadata.annotations, ...annotations },
      managedFields,
    },
    spec: { ...structuredClone(built.spec), replicas },
  };
}

export function aDecision(change: Partial<ScalingDecision> = {}): ScalingDecision {
  return {
    schemaVersion: SCHEMA_VERSION,
    pool: { namespace: 'team-a', name: 'email-workers', uid: 'pool-uid', generation: 1 },
    epoch: 1000,
    sequence: 1,
    sampledAt: 1_000_000,
    expiresAt: 1_015_000,
    currentReplicas: 2,
    desiredReplicas: 5,
    reason: '5 replicas: 400 jobs wait',
    signals: [{ queue: 'emails', depth: 400, arrivalRate: 12.3456, serviceTimeMs: 800.4, wants: 5 }],
    confidence: 1,
    ...change,
  };
}

export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`;
}
