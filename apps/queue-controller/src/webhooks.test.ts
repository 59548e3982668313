import { isDeepStrictEqual } from 'node:util';
import type { Queue, QueueSpec } from '@redis-queue/api';
import type { QueueRef } from '@redis-queue/bullmq';
import { queueRef } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import { queueObject } from './testing/queues.ts';
import { validateQueue } from './webhooks.ts';

const queue = (name: string, spec: QueueSpec = {}, metadata: Partial<Queue['metadata']> = {}): Queue =>
  queueObject(spec, { name, uid: name, ...metadata });

function refusalsOf(object: Queue, others: Queue[], oldObject?: Queue): readonly string[] {
  return validateQueue({ object, oldObject, namespace: 'shop' }, claimantsAmong(others)).refusals;
}

/** As the index of the controller's cache. */
const claimantsAmong =
  (queues: Queue[]) =>
  (ref: QueueRef): Queue[] =>
    queues.filter((each) => isDeepStrictEqual(queueRef(each), ref));

describe('a name in Redis belongs to one Queue of a namespace', () => {
  const emails = queue('emails', { dlqPolicy: { enabled: true } });

  it.each<[string, Queue, string | undefined]>([
    ['the name of the object', queue('other', { name: 'emails' }), 'spec.name: Queue emails governs bull:emails'],
    ['by queueName', queue('other', { redis: { queueName: 'emails' } }), 'spec.redis.queueName: Queue emails governs'],
    ['its dead letters', queue('emails-dlq'), 'metadata.name: Queue emails keeps its dead letters in bull:emails-dlq'],
    ['another prefix', queue('other', { name: 'emails', redis: { prefix: 'mail' } }), undefined],
    ['another Secret', queue('other', { name: 'emails', redis: { secretRef: { name: 'b' } } }), undefined],
    ['one that only observes', queue('other', { name: 'emails', adoptionPolicy: 'Observe' }), undefined],
    ['itself', queue('emails', { globalConcurrency: 2 }), undefined],
  ])('%s', (_, object, message) => {
    const refusals = refusalsOf(object, [emails]);
    expect(refusals).toHaveLength(message === undefined ? 0 : 1);
    expect(refusals.join()).toContain(message ?? '');
  });

  it('also the one that its dead letters would take', () => {
    const taken = queue('emails-dlq');
    expect(refusalsOf(emails, [taken])).toEqual([
      'spec.dlqPolicy.enabled: Queue emails-dlq governs bull:emails-dlq in the same Redis already; choose another name, or delete that Queue first',
    ]);
    expect(refusalsOf(emails, [taken], emails)).toEqual([]);
  });

  it('and one that is being deleted, or was so before the change, is in nobody’s way', () => {
    const gone = queue('gone', { name: 'emails' }, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(refusalsOf(queue('emails'), [gone])).toEqual([]);
    const doubled = queue('other', { name: 'emails' });
    expect(refusalsOf({ ...doubled, spec: { name: 'emails', paused: true } }, [emails], doubled)).toEqual([]);
  });
});

it('what does nothing is said, and passes', () => {
  const spec: QueueSpec = {
    retention: { failedJobs: '7d' },
    dlqPolicy: { enabled: true },
    paused: true,
    schedulers: [{ name: 'nightly', every: '1h', template: { name: 'clean' } }],
  };
  const { refusals, warnings } = validateQueue({ object: queue('a', spec), namespace: 'shop' }, () => []);
  expect(refusals).toEqual([]);
  expect(warnings?.map((text) => text.split(':')[0])).toEqual(['spec.retention.failedJobs', 'spec.schedulers']);
});
