import { API_VERSION, type QueueSpec, type QueueStatus } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import type { QueueObject } from './objects.ts';
import { describeOtherRedis, reportedAddress } from './reported-address.ts';

const FOR_WORKERS: QueueSpec['redis'] = { secretRefs: { worker: { name: 'for-workers' } } };

function aQueue(status: QueueStatus, redis: QueueSpec['redis'] = FOR_WORKERS): QueueObject {
  const metadata = { namespace: 'shop', name: 'emails', generation: 3 };
  return { apiVersion: API_VERSION, kind: 'Queue', metadata, spec: { redis }, status };
}

const at = (redisAddress: string | undefined, ready: 'True' | 'False' = 'True'): QueueStatus => ({
  observedGeneration: 3,
  conditions: [{ type: 'Ready', status: ready, reason: 'X', message: '', lastTransitionTime: '' }],
  effective: { name: 'emails', prefix: 'bull', ...(redisAddress !== undefined && { redisAddress }) },
});

describe('the address that a Queue reports', () => {
  it('is that of its status', () => {
    expect(reportedAddress(aQueue(at('redis:6379')), 'worker')).toBe('redis:6379');
  });

  it.each<[string, QueueObject]>([
    ['no queue-controller has said it', aQueue({})],
    ['the status has none', aQueue(at(undefined))],
    ['the Queue is not Ready', aQueue(at('redis:6379', 'False'))],
    ['the newest spec is not in effect', aQueue({ ...at('redis:6379'), observedGeneration: 2 })],
    ['one Secret is for all, so that there is nothing to compare', aQueue(at('redis:6379'), {})],
  ])('is unknown while %s', (_, queue) => {
    expect(reportedAddress(queue, 'worker')).toBeUndefined();
  });
});

describe('a role that is led to another Redis', () => {
  const access = {
    ok: true,
    target: { host: 'redis', port: 6379, db: 5, password: 'hunter2' },
    targetKey: '',
    secret: { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 'for-workers' } },
  } as const;

  it('is refused with both addresses, the Secret, its field and the way out, and no credential', () => {
    expect(describeOtherRedis(aQueue(at('redis:6379')), 'worker', access)).toEqual({
      reason: 'MixedRedis',
      message:
        'Queue emails is at redis:6379, as status.effective.redisAddress says, but Secret shop/for-workers (spec.redis.secretRefs.worker, for the role worker) leads to redis:6379 database 5; every Secret of a Queue has to lead to the same server and database, under the same address',
    });
  });

  it.each<[string, QueueObject]>([
    ['the address is the same', aQueue(at('redis:6379 database 5'))],
    ['nobody can tell', aQueue({})],
  ])('is not, where %s', (_, queue) => {
    expect(describeOtherRedis(queue, 'worker', access)).toBeUndefined();
  });
});
