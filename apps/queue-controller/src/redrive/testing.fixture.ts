import { API_VERSION, type QueueRedrive, type QueueRedriveSpec } from '@redis-queue/api';
import { formatOwnerMark } from '@redis-queue/bullmq';
import type { RedriveObject } from './redrives.ts';
import type { ObservedRedrive, RedrivePlace } from './steps.ts';

export const OWNER = 'c1/shop/emails';
export const NOW = new Date('2026-03-04T05:06:07.500Z');
export const MARK = formatOwnerMark({ owner: OWNER, managed: [], adoptedAt: '2026-01-02T03:04:05.000Z' });

/** A QueueRedrive as the API server would give it, named shop/again, of the Queue emails. */
export function redriveObject(
  spec: Partial<QueueRedriveSpec> = {},
  status?: QueueRedrive['status'],
  metadata: Partial<QueueRedrive['metadata']> = {},
): RedriveObject {
  return {
    apiVersion: API_VERSION,
    kind: 'QueueRedrive',
    metadata: {
      namespace: 'shop',
      name: 'again',
      uid: 'u1',
      generation: 1,
      creationTimestamp: '2026-03-04T05:06:00Z',
      ...metadata,
    },
    spec: { queueRef: { name: 'emails' }, maxJobsPerSecond: 100, dryRun: false, suspend: false, ...spec },
    ...(status && { status }),
  };
}

/** What is found at a Redis whose clock is a minute ahead of ours, where Queue emails governs its queue. */
export function observedPlace(
  state: Partial<RedrivePlace['state']> = {},
  queue: Partial<RedrivePlace['queue']> = {},
): ObservedRedrive {
  const metadata = { namespace: 'shop', name: 'emails', uid: 'q1', generation: 1 };
  return {
    place: {
      queue: { apiVersion: API_VERSION, kind: 'Queue', metadata, spec: {}, ...queue },
      access: {} as RedrivePlace['access'],
      state: { queueMark: MARK, redriven: 0, redisTimeMs: NOW.getTime() + 60_000, ...state },
    },
  };
}
