import { API_VERSION, type Queue, type QueueSpec } from '@redis-queue/api';
import {
  formatOwnerMark,
  NO_DIGEST,
  type ManagedField,
  type ObservedPolicy,
  type QueueSample,
  type QueueRemoval,
} from '@redis-queue/bullmq';
import type { ObservedQueue } from '../steps.ts';

export const CLUSTER = 'c1';
/** Of the process that plans. */
export const FENCE = 'f1';
export const NOW = new Date('2026-03-04T05:06:07.000Z');
export const ADOPTED_AT = '2026-01-02T03:04:05.000Z';

/** A Queue as the API server would give it, named shop/emails. */
export function queueObject(
  spec: QueueSpec = {},
  metadata: Partial<Queue['metadata']> = {},
  status?: Queue['status'],
): Queue {
  return {
    apiVersion: API_VERSION,
    kind: 'Queue',
    metadata: {
      namespace: 'shop',
      name: 'emails',
      uid: 'u1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec,
    ...(status && { status }),
  };
}

/** A sample of a queue that has no job. */
export function emptySample(over: Partial<QueueSample> = {}): QueueSample {
  return {
    ref: { prefix: 'bull', name: 'emails' },
    redisTimeMs: 0,
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
    ...over,
  };
}

export function markOf(managed: ManagedField[], owner = `${CLUSTER}/shop/emails`, removal?: QueueRemoval): string {
  return formatOwnerMark({ owner, managed, adoptedAt: ADOPTED_AT, ...(removal && { removal }) });
}

/** What observing a reachable Redis 7 gives, by default of a queue that nobody has used. */
export function observed(policy: Partial<ObservedPolicy> = {}, rest: Partial<ObservedQueue> = {}): ObservedQueue {
  return {
    clusterId: CLUSTER,
    fence: FENCE,
    claimants: [],
    policy: { exists: false, paused: false, legacyPaused: 0, digest: NO_DIGEST, ...policy },
    server: { product: 'redis', version: '7.0.15', tooOld: false, maxmemoryPolicy: 'noeviction' },
    ...rest,
  };
}
