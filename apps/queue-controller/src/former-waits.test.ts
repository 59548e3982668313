import type { QueueSpec, QueueStatus } from '@redis-queue/api';
import { formatOwnerMark, parseOwnerMark, type OwnerMark } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { planQueue } from './plan.ts';
import { queueStatus } from './status.ts';
import type { ObservedQueue, QueueStep } from './steps.ts';
import { markOf, NOW, observed, queueObject } from './testing/queues.ts';
import { UpkeepReports } from './upkeep/reports.ts';
import { whyNotReleased } from './former-waits.ts';

// Of a queue that has left a:1 for b:1.

const MOVED_AT = '2026-02-02T00:00:00.000Z';
const status: QueueStatus = {
  effective: { name: 'emails', prefix: 'bull', redisAddress: 'b:1' },
  formerRedis: [{ address: 'a:1', since: MOVED_AT }],
};

const MARK_SINCE: OwnerMark = { ...(parseOwnerMark(markOf([])) as OwnerMark), adoptedAt: NOW.toISOString() };
const stored = (rawOwnerMark?: string): ObservedQueue =>
  observed({ ...(rawOwnerMark !== undefined && { rawOwnerMark }) }, { redisAddress: 'b:1' });
const claimed: QueueStep = { kind: 'claim', mark: MARK_SINCE };

/** What the condition says at the end of a reconcile that has done these steps. */
function heldOf(spec: QueueSpec, facts: ObservedQueue, done: readonly QueueStep[]): string | undefined {
  const queue = queueObject(spec, {}, status);
  const plan = planQueue(queue, facts, NOW);
  const upkeep = new UpkeepReports().noticesOf(queue, [], undefined);
  const ref = { prefix: 'bull', name: 'emails' };
  const outcome = { ref, upkeep, sampling: 'works' as const, observed: facts, plan, done, problem: plan.problem };
  const { conditions = [] } = queueStatus(queue, outcome, NOW);
  return conditions.find(({ type }) => type === 'FormerRedisHeld')?.message;
}

describe('what a queue manages in the Redis that it has left', () => {
  it.each<[string, QueueSpec, ObservedQueue, readonly QueueStep[], string]>([
    ['is cleared once its mark is in the new one', {}, stored(formatOwnerMark(MARK_SINCE)), [], 'is cleared'],
    ['is cleared when the mark was written now', {}, stored(), [claimed], 'is cleared'],
    ['stays when that could not be written', {}, stored(), [], 'stays until this Queue governs the queue'],
    [
      'stays while the mark there is from before the move',
      {},
      stored(markOf([])),
      [],
      'stays until this Queue governs',
    ],
    ['stays while another governs', {}, stored(markOf([], 'c1/crm/mail')), [], 'stays until this Queue governs'],
    [
      'stays while the new one cannot be read',
      {},
      { clusterId: 'c1', fence: 'f1', claimants: [], problem: { reason: 'RedisUnreachable', message: 'no' } },
      [],
      'stays until this Queue governs',
    ],
    [
      'stays where the Queue only observes',
      { adoptionPolicy: 'Observe' },
      stored(formatOwnerMark(MARK_SINCE)),
      [],
      'stays while adoptionPolicy is Observe',
    ],
  ])('%s', (_, spec, facts, done, words) => {
    expect(heldOf(spec, facts, done)).toContain(`the queue has left a:1: what it manages there ${words}`);
  });

  it('stays when the Queue is being deleted', () => {
    const queue = queueObject({}, { deletionTimestamp: NOW.toISOString() }, status);
    expect(whyNotReleased(queue, { observed: stored(formatOwnerMark(MARK_SINCE)), done: [] })).toContain('deleted');
  });
});
