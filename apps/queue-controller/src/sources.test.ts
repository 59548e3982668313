import type { ObjectCache } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { expect, it } from 'vitest';
import { rivalsOf } from './sources.ts';
import { queueObject } from './testing/queues.ts';

// Wall 1: Queues that are created by the thousand under one name cost a few reconciles each, not thousands.

it('when one of 10,000 claimants comes or goes, the oldest and those that wait for an heir are reconciled', () => {
  const claimants = Array.from({ length: 10_000 }, (_, i) =>
    queueObject({ name: 'emails' }, { name: `c${i}`, uid: `c${i}` }),
  );
  const leaving = queueObject({}, { name: 'leaving', uid: 'leaving', deletionTimestamp: '2026-01-01T00:00:00Z' });
  const queues = {
    eachByIndex: (index: string, id: string) =>
      id !== 'bull:emails' ? [] : index === 'claimants' ? claimants : [leaving],
  } as unknown as ObjectCache<QueueObject>;
  const names = rivalsOf(claimants[2] as QueueObject, queues).map(({ name }) => name);
  expect(names).toEqual(['c0', 'c1', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'leaving']);
});

const named = (name: string): QueueObject => queueObject({}, { name, uid: name });

it('who names the dead-letter queue of a Queue, and whose dead-letter queue it is, are reconciled with it', () => {
  const all = ['mail', 'mail-dlq', 'mail-dlq-dlq', 'other'].map(named);
  const queues = {
    eachByIndex: (index: string, id: string) =>
      index === 'claimants' ? all.filter(({ metadata }) => `bull:${metadata.name}` === id) : [],
  } as unknown as ObjectCache<QueueObject>;
  expect(rivalsOf(named('mail-dlq'), queues).map(({ name }) => name)).toEqual(['mail-dlq-dlq', 'mail']);
  expect(rivalsOf(named('mail'), queues).map(({ name }) => name)).toEqual(['mail-dlq']);
});
