import type { QueueReason } from '@redis-queue/api';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { DeletionTimes } from './deletion/deletion-times.ts';
import { SettledQueues } from './drift/settled-queues.ts';
import { queueKind } from './kind.ts';
import { LimiterWatch } from './limiter/limiter-watch.ts';
import { QueueMetrics } from './metrics.ts';
import type { Sources } from './access/sources.ts';
import { EmptyTimes } from './retire/empty-times.ts';
import { SamplingFailures } from './sampling/sampling-failures.ts';
import { NOW, observed, queueObject } from './testing/queues.ts';
import { UpkeepReports } from './upkeep/reports.ts';

const settled = new SettledQueues();
const kind = queueKind({
  sources: {} as Sources,
  metrics: new QueueMetrics(new Registry()),
  sampling: new SamplingFailures(),
  deletions: new DeletionTimes(),
  settled,
  limiter: new LimiterWatch(),
  emptyTimes: new EmptyTimes(),
  fullCheckMs: 600_000,
  duties: [],
  reports: new UpkeepReports(),
  random: () => 0.5,
});

/** When a queue that has not been Ready for a minute is reconciled again, in ms. */
function requeueMs(reason: QueueReason | undefined, dueMs?: number, reasonBefore = 'x'): number | undefined {
  const lastTransitionTime = new Date(NOW.getTime() - 60_000).toISOString();
  const status = reason ? 'False' : 'True';
  const ready = { type: 'Ready', status, reason: reasonBefore, message: '', lastTransitionTime } as const;
  const problem = reason && { reason, message: 'why' };
  const outcome = {
    observed: observed(),
    plan: { steps: [], ...(dueMs !== undefined && { dueMs }) },
    done: [],
    problem,
  };
  const context = { nowMs: NOW.getTime(), event: () => undefined };
  const queue = { ...queueObject(), status: { conditions: [ready] } };
  return kind.requeueMs?.(queue, outcome, { conditions: [ready] }, context);
}

it('a removal goes on soon, a wait ends in time, and a problem is tried as rarely as it lasts long', () => {
  expect(requeueMs('Deleting')).toBe(500);
  expect(requeueMs('DeletionDelayed', 7_000)).toBe(7_000);
  expect(requeueMs('RedisUnreachable', 200_000)).toBe(60_000);
  expect(requeueMs(undefined)).toBe(600_000);
});

it('a mark that another changed is read again at once, however long the queue has not been Ready, unless that goes on', () => {
  expect(requeueMs('OwnershipLost', undefined, 'RedisUnreachable')).toBe(1_000);
  expect(requeueMs('OwnershipLost', undefined, 'OwnershipLost')).toBe(60_000);
});

it('what a reconcile left is known only when it had nothing left to do, and until the next one begins', () => {
  const queue = queueObject();
  const report = (rest: object, digestLeft?: string): string | undefined => {
    settled.begin(queue);
    expect(settled.digestOf(queue)).toBeUndefined();
    const plan = { steps: [], governs: true as const };
    const outcome = { observed: observed({}, { digestLeft }), plan, done: [], problem: undefined };
    kind.report?.(queue, { ...outcome, ...rest }, { nowMs: NOW.getTime(), event: () => undefined });
    return settled.digestOf(queue);
  };
  expect(report({}, 'left')).toBe('left');
  const problem = { reason: 'Conflict', message: 'why' };
  expect(report({ problem, plan: { steps: [] } }, 'left')).toBeUndefined();
  // Of the dead-letter queue alone.
  expect(report({ problem }, 'left')).toBe('left');
  expect(report({ failure: { error: new Error('no') } }, 'left')).toBeUndefined();
  expect(report({}, undefined)).toBeUndefined();
  expect(report({}, 'left')).toBe('left');
  settled.forget(queue.metadata.uid ?? '');
  expect(settled.digestOf(queue)).toBeUndefined();
});
