import type { Condition, Queue, QueueReason, QueueSpec, QueueStatus } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { planQueue } from './plan.ts';
import type { ObservedQueue } from './steps.ts';
import type { Problem } from './reasons.ts';
import { queueStatus, type ReconciledStatus } from './status.ts';
import { UpkeepReports } from './upkeep/reports.ts';
import { ADOPTED_AT, FENCE, markOf, NOW, observed, queueObject } from './testing/queues.ts';

const ref = { prefix: 'bull', name: 'emails' };
const upkeep = new UpkeepReports().noticesOf(queueObject(), [], undefined);

function statusOf(spec: QueueSpec, facts: ObservedQueue, problem?: Problem, before?: QueueStatus): ReconciledStatus {
  const queue = queueObject(spec, {}, before);
  const plan = planQueue(queue, facts, NOW);
  const done = problem || spec.adoptionPolicy === 'Observe' ? [] : plan.steps;
  return queueStatus(
    queue,
    { ref, upkeep, sampling: 'works', observed: facts, plan, done, problem: problem ?? plan.problem },
    NOW,
  );
}

function condition(status: ReconciledStatus, type: string): Condition | undefined {
  return status.conditions?.find((each) => each.type === type);
}

function deleted(before?: QueueStatus): Queue {
  const metadata = { deletionTimestamp: '2026-03-04T05:00:00Z', finalizers: ['redis-queue.io/queue-data'] };
  return queueObject({}, metadata, before);
}

const ALWAYS = ['Ready', 'Available', 'Degraded'];

const unread = (reason: QueueReason) => ({
  clusterId: 'c1',
  fence: FENCE,
  claimants: [],
  problem: { reason, message: 'why' },
});

it('a queue that a restore has is degraded, since it stays paused until somebody ends that', () => {
  const facts = observed({ restore: { restoreId: 'r-7', phase: 'held' }, paused: true });
  const queue = queueObject({});
  const plan = planQueue(queue, facts, NOW);
  const status = queueStatus(queue, { ref, upkeep, sampling: 'works', observed: facts, plan, done: [] }, NOW);
  expect(condition(status, 'Degraded')).toMatchObject({ status: 'True', reason: 'HeldByRestore' });
});

it('a limiter of workers is said of the limit that is in effect after the reconcile, with the time of its proof', () => {
  const limit = { max: 200, durationMs: 2_000 };
  const windows = { verdict: { atLeastMs: 95, atMostMs: 195, limit }, ageMs: 0 };
  const facts = observed({ rawOwnerMark: markOf(['rateLimit']), rateLimit: limit });
  const said = (spec: QueueSpec): ReconciledStatus => {
    const queue = queueObject(spec);
    const plan = planQueue(queue, facts, NOW);
    const outcome = { ref, upkeep, sampling: 'works', observed: facts, plan, done: plan.steps } as const;
    return queueStatus(queue, { ...outcome, windows }, NOW);
  };
  const held = said({ rateLimits: { maxJobsPerSecond: 100, burstCapacity: 200 } });
  expect(condition(held, 'WorkerLimiter')).toMatchObject({ reason: 'RateLimitOverridden' });
  expect(Date.parse(held.workerLimiterSeenAt ?? '')).toBe(NOW.getTime());
  const cleared = said({});
  expect(condition(cleared, 'WorkerLimiter')).toBeUndefined();
  expect(cleared).not.toHaveProperty('workerLimiterSeenAt');
});

describe('whether a queue serves', () => {
  it.each<[QueueReason, string]>([
    ['RedisUnreachable', 'False'],
    ['RedisBusy', 'False'],
    ['RedisAuthFailed', 'Unknown'],
    ['SecretNotFound', 'Unknown'],
    ['MixedRedis', 'Unknown'],
  ])('%s: %s', (reason, available) => {
    expect(condition(statusOf({}, unread(reason)), 'Available')).toMatchObject({ status: available, reason });
  });

  it('is known also where the spec is not applied, as long as Redis answers', () => {
    const held = observed({ rawOwnerMark: 'of a later release' });
    const status = statusOf({}, held);
    expect(condition(status, 'Ready')).toMatchObject({ reason: 'OwnerMarkUnreadable' });
    expect(condition(status, 'Available')).toMatchObject({ status: 'True', reason: 'RedisAnswers' });
    expect(condition(status, 'Degraded')).toMatchObject({ status: 'True', reason: 'OwnerMarkUnreadable' });
  });

  it('is known to be worse while its counts cannot be read, or Redis may drop jobs; a capped burst is no trouble', () => {
    const before = statusOf({}, observed());
    const lost = statusOf({}, unread('RedisUnreachable'), undefined, before);
    expect(condition(lost, 'Degraded')).toMatchObject({ status: 'True', reason: 'RedisUnreachable' });
    const blind = statusOf({}, observed(), { reason: 'RedisAuthFailed', message: 'no' }, before);
    expect(condition(blind, 'Degraded')).toMatchObject({ status: 'True', reason: 'RedisAuthFailed' });
    const capped = statusOf({ rateLimits: { maxJobsPerSecond: 10, burstCapacity: 100 } }, observed());
    expect(condition(capped, 'BurstCapped')?.status).toBe('True');
    expect(condition(capped, 'Degraded')).toMatchObject({ status: 'False' });
  });
});

describe('what the status says', () => {
  it('a queue that somebody else paused says so, and that no job is started', () => {
    const status = statusOf({}, observed({ paused: true }));
    expect(status.effective).toMatchObject({ paused: true });
    expect(condition(status, 'Available')?.message).toContain('none is started while the queue is paused');
    expect(statusOf({}, observed()).effective).not.toHaveProperty('paused');
  });

  it('everything holds: Ready, and neither Reconciling nor Stalled', () => {
    const status = statusOf({ rateLimits: { maxJobsPerSecond: 10 } }, observed());
    expect(status).toEqual({
      observedGeneration: 1,
      adoptedAt: NOW.toISOString(),
      effective: { ...ref, rateLimit: { max: 10, durationMs: 1000 }, redisVersion: '7.0.15' },
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Applied',
          message: 'holds in Redis: at most 10 jobs/s',
          observedGeneration: 1,
          lastTransitionTime: '2026-03-04T05:06:07Z',
        },
        expect.objectContaining({ type: 'Available', status: 'True', reason: 'RedisAnswers' }),
        expect.objectContaining({ type: 'Degraded', status: 'False', reason: 'AsExpected' }),
      ],
    });
  });

  it('an unchanged outcome gives an equal status, so that nothing is written', () => {
    const facts = observed({ rawOwnerMark: markOf(['paused']) });
    const first = statusOf({ paused: false }, facts, undefined, { adoptedAt: ADOPTED_AT });
    const later = queueObject({ paused: false }, {}, first);
    const plan = planQueue(later, facts, new Date(NOW.getTime() + 60_000));
    expect(
      queueStatus(
        later,
        { ref, upkeep, sampling: 'works', observed: facts, plan, done: [] },
        new Date(NOW.getTime() + 60_000),
      ),
    ).toEqual(first);
  });

  it.each<[QueueReason, string, string]>([
    ['RedisUnreachable', 'Reconciling', 'Stalled'],
    ['SecretNotFound', 'Reconciling', 'Stalled'],
    ['RedisAuthFailed', 'Stalled', 'Reconciling'],
    ['SecretNotPermitted', 'Stalled', 'Reconciling'],
    ['Conflict', 'Stalled', 'Reconciling'],
  ])('%s: not Ready, %s, not %s', (reason, present, absent) => {
    const problem = { reason, message: 'why' };
    const status = statusOf({}, { clusterId: 'c1', fence: FENCE, claimants: [], problem });
    expect(condition(status, 'Ready')).toMatchObject({ status: 'False', ...problem });
    expect(condition(status, present)).toMatchObject({ status: 'True', ...problem });
    expect(condition(status, absent)).toBeUndefined();
  });

  it('a problem that is over leaves no trace', () => {
    const bad = statusOf(
      {},
      { clusterId: 'c1', fence: FENCE, claimants: [], problem: { reason: 'RedisAuthFailed', message: 'no' } },
    );
    expect(statusOf({}, observed(), undefined, bad).conditions?.map(({ type }) => type)).toEqual(ALWAYS);
  });

  it('what was last seen stays while Redis cannot be read', () => {
    const before = statusOf({ rateLimits: { maxJobsPerSecond: 10 } }, observed());
    const after = statusOf(
      { rateLimits: { maxJobsPerSecond: 10 } },
      { clusterId: 'c1', fence: FENCE, claimants: [], problem: { reason: 'RedisUnreachable', message: 'no' } },
      undefined,
      before,
    );
    expect(after).toMatchObject({ effective: before.effective, adoptedAt: before.adoptedAt });
  });

  it('adoptedAt is that of the mark when the reconcile that claimed the queue wrote no status', () => {
    expect(statusOf({}, observed({ rawOwnerMark: markOf([]) })).adoptedAt).toBe(ADOPTED_AT);
    const anothers = observed({ rawOwnerMark: markOf([], 'c1/crm/mail') }, { holder: 'claims' });
    expect(statusOf({}, anothers)).not.toHaveProperty('adoptedAt');
  });

  it('of a plan that ended early, what was done counts: the mark, and not the limit after it', () => {
    const queue = queueObject({ rateLimits: { maxJobsPerSecond: 10 } });
    const facts = observed();
    const plan = planQueue(queue, facts, NOW);
    const claim = plan.steps.filter(({ kind }) => kind === 'claim');
    const problem: Problem = { reason: 'RedisReadOnly', message: 'no' };
    const cut = queueStatus(
      queue,
      { ref, upkeep, sampling: 'works', observed: facts, plan, done: claim, problem },
      NOW,
    );
    expect(cut.adoptedAt).toBe(NOW.toISOString());
    expect(cut.effective).not.toHaveProperty('rateLimit');
    const none = queueStatus(queue, { ref, upkeep, sampling: 'works', observed: facts, plan, done: [], problem }, NOW);
    expect(none).not.toHaveProperty('adoptedAt');
  });

  it('counts that cannot be read are said to be old, with the Secret and the way out', () => {
    const sampledAt = NOW.toISOString();
    const queue = queueObject({ redis: { secretRefs: { sampler: { name: 'reader' } } } }, {}, { sampledAt });
    const facts = observed({ rawOwnerMark: markOf([]) });
    const outcome = { ref, upkeep, observed: facts, plan: planQueue(queue, facts, NOW), done: [] };
    const sampling: Problem = { reason: 'RedisAuthFailed', message: '10.0.0.1:6379: Redis refused the user' };
    const failing = queueStatus(queue, { ...outcome, sampling }, NOW);
    expect(condition(failing, 'SamplingFailed')).toMatchObject({
      status: 'True',
      reason: 'RedisAuthFailed',
      message: expect.stringMatching(/sampledAt.*Secret reader \(spec.redis.secretRefs.sampler\).*10.0.0.1.*correct/),
      lastTransitionTime: '2026-03-04T05:06:07Z',
    });
    expect(condition(failing, 'Ready')?.status).toBe('True');
    const later = new Date(NOW.getTime() + 60_000);
    const restarted = { ...queue, status: { sampledAt, ...failing } };
    expect(queueStatus(restarted, { ...outcome, sampling: 'unknown' }, later)).toEqual(failing);
    expect(condition(queueStatus(restarted, { ...outcome, sampling: 'works' }, later), 'SamplingFailed')).toBe(
      undefined,
    );
  });

  it('counts that cannot be written are said to be old, with what the API server says', () => {
    const facts = observed({ rawOwnerMark: markOf([]) });
    const queue = queueObject({}, {}, { sampledAt: NOW.toISOString() });
    const unwritten: Problem = { reason: 'ApiForbidden', message: 'patch queues/status emails: no right' };
    const outcome = {
      ref,
      upkeep,
      observed: facts,
      plan: planQueue(queue, facts, NOW),
      done: [],
      sampling: { unwritten },
    };
    expect(condition(queueStatus(queue, outcome, NOW), 'SamplingFailed')).toMatchObject({
      status: 'True',
      reason: 'ApiForbidden',
      message:
        'counts and waits in the status are as old as sampledAt says; they cannot be written: patch queues/status emails: no right',
    });
  });

  it('counts that never were are not called old, what Ready says is said once, and a way out too', () => {
    const facts = observed({ rawOwnerMark: markOf([]) });
    const queue = queueObject();
    const outcome = { ref, upkeep, observed: facts, plan: planQueue(queue, facts, NOW), done: [] };
    const sampling: Problem = { reason: 'SecretNotFound', message: 'Secret shop/redis does not exist; create it' };
    const failed = (problem?: Problem) =>
      condition(queueStatus(queue, { ...outcome, sampling, problem }, NOW), 'SamplingFailed')?.message;
    expect(failed()).toMatch(/^counts and waits cannot be read with .*: Secret shop\/redis does not exist; create it$/);
    expect(failed(sampling)).toBeUndefined();
    expect(failed({ ...sampling, message: 'Secret shop/other does not exist' })).toBeDefined();
  });

  it('says since when the deletion is blocked, and no longer once it goes on', () => {
    const facts: ObservedQueue = {
      clusterId: 'c1',
      fence: FENCE,
      claimants: [],
      problem: { reason: 'RedisUnreachable', message: 'no' },
    };
    const said = (problem: Problem | undefined, before?: QueueStatus, now = NOW): ReconciledStatus =>
      queueStatus(
        deleted(before),
        { ref, upkeep, sampling: 'works', observed: facts, plan: { steps: [] }, done: [], problem },
        now,
      );
    const first = said(facts.problem);
    expect(condition(first, 'DeletionBlocked')).toMatchObject({
      reason: 'RedisUnreachable',
      message: expect.stringMatching(
        // Not force as well: it removes the data as soon as Redis answers again.
        /^no; after 5 minutes .* the data stays, at once with deletionPolicy Retain$/,
      ),
    });
    const later = said({ reason: 'RedisBusy', message: 'no' }, first, new Date(NOW.getTime() + 60_000));
    expect(condition(later, 'DeletionBlocked')?.lastTransitionTime).toBe('2026-03-04T05:06:07Z');
    for (const reason of ['Deleting', 'DeletionDelayed', 'ActiveJobs', 'WaitingChildren'] as const)
      expect(condition(said({ reason, message: 'on it' }, later), 'DeletionBlocked')).toBeUndefined();
    expect(condition(statusOf({}, facts), 'DeletionBlocked')).toBeUndefined();
  });

  it.each<QueueReason>(['Conflict', 'OwnedByOtherCluster', 'QueueExists'])('%s: it is not ours any more', (reason) => {
    const queue = queueObject({}, {}, { adoptedAt: ADOPTED_AT });
    const of = (problem: Problem): ReconciledStatus => {
      const outcome = { ref, upkeep, sampling: 'works' as const, observed: observed(), plan: { steps: [] }, done: [] };
      return queueStatus(queue, { ...outcome, problem }, NOW);
    };
    expect(of({ reason, message: 'why' })).not.toHaveProperty('adoptedAt');
    expect(of({ reason: 'RedisReadOnly', message: 'why' })).toHaveProperty('adoptedAt');
  });

  it('who only observes still has what it had taken over, and a move from there is noticed', () => {
    const observes: QueueSpec = { adoptionPolicy: 'Observe' };
    const before = statusOf({}, observed({ rawOwnerMark: markOf([]) }, { redisAddress: 'a:1' }));
    const watched = statusOf(
      observes,
      observed({ rawOwnerMark: markOf([]) }, { redisAddress: 'a:1' }),
      undefined,
      before,
    );
    expect(watched.adoptedAt).toBe(ADOPTED_AT);
    const moved = statusOf(observes, observed({ exists: true }, { redisAddress: 'b:1' }), undefined, watched);
    expect(moved.formerRedis).toMatchObject([{ address: 'a:1' }]);
    // There it has taken nothing over, so that Refuse leaves the queue alone.
    expect(moved).not.toHaveProperty('adoptedAt');
    const refused = statusOf(
      { adoptionPolicy: 'Refuse' },
      observed({ exists: true }, { redisAddress: 'b:1' }),
      undefined,
      moved,
    );
    expect(condition(refused, 'Ready')).toMatchObject({ reason: 'QueueExists' });
    expect(refused.formerRedis).toMatchObject([{ address: 'a:1' }]);
    const unseen = statusOf(observes, unread('RedisUnreachable'), undefined, watched);
    expect(unseen.adoptedAt).toBe(ADOPTED_AT);
  });

  it.each<QueueReason>(['RedisReadOnly', 'RedisTooOld'])(
    'who was kept by %s from taking its queue over in another Redis refuses it there once it exists',
    (reason) => {
      const refuses: QueueSpec = { adoptionPolicy: 'Refuse' };
      const there = observed({}, { redisAddress: 'b:1' });
      const governed = statusOf(refuses, observed({ rawOwnerMark: markOf([]) }, { redisAddress: 'a:1' }));
      const moved = statusOf(refuses, there, { reason, message: 'why' }, governed);
      expect(moved.formerRedis).toMatchObject([{ address: 'a:1' }]);
      const found = observed({ exists: true }, { redisAddress: 'b:1' });
      const refused = planQueue(queueObject(refuses, {}, moved), found, NOW);
      expect(refused).toMatchObject({ steps: [], problem: { reason: 'QueueExists' } });
    },
  );

  it('another that has the dead-letter queue alone takes nothing of what is ours', () => {
    const theirs = observed({ rawOwnerMark: markOf([], 'c1/crm/emails-dlq') }).policy!;
    const deadLetters = { policy: theirs, holder: 'claims' as const };
    const keeps: QueueSpec = { dlqPolicy: { enabled: true } };
    const ours = { rawOwnerMark: markOf(['deadLetters']) };
    const status = statusOf(keeps, observed(ours, { redisAddress: 'a:1', deadLetters }));
    expect(condition(status, 'Ready')).toMatchObject({ reason: 'Conflict' });
    expect(status.adoptedAt).toBe(ADOPTED_AT);
    // What follows from it: a move is noticed, and a queue that Redis has lost is taken again.
    const moved = statusOf(keeps, observed({}, { redisAddress: 'b:1', deadLetters }), undefined, status);
    expect(moved.formerRedis).toMatchObject([{ address: 'a:1' }]);
    const refuses: QueueSpec = { ...keeps, adoptionPolicy: 'Refuse' };
    const lost = observed({ exists: true }, { redisAddress: 'a:1', deadLetters });
    expect(planQueue(queueObject(refuses, {}, status), lost, NOW).steps[0]).toMatchObject({ kind: 'claim' });
  });

  it('a limit that was not written, for a problem, is not claimed to hold', () => {
    const status = statusOf(
      { rateLimits: { maxJobsPerSecond: 10 } },
      observed({ rateLimit: { max: 1, durationMs: 100 } }),
      { reason: 'RedisReadOnly', message: 'no' },
    );
    expect(status.effective?.rateLimit).toEqual({ max: 1, durationMs: 100 });
  });

  it('Observe plans no more than the API server takes', () => {
    const steps = Array.from({ length: 60 }, () => ({ kind: 'pause' as const }));
    const outcome = { ref, upkeep, observed: observed(), plan: { steps }, done: [], sampling: 'works' as const };
    const { plan } = queueStatus(queueObject({ adoptionPolicy: 'Observe' }), outcome, NOW);
    expect([plan?.length, plan?.[48], plan?.[49]]).toEqual([50, 'pause the queue', 'and 11 more changes']);
  });

  it('Observe of a queue that another governs names who, and plans nothing', () => {
    const facts = observed({ rawOwnerMark: markOf([], 'c1/crm/mail') }, { holder: 'claims' });
    const status = statusOf({ adoptionPolicy: 'Observe', globalConcurrency: 5 }, facts);
    expect(status.plan).toBeUndefined();
    expect(condition(status, 'Ready')).toMatchObject({
      reason: 'Conflict',
      message: expect.stringContaining('crm/mail') as string,
    });
  });

  it('Observe plans in sentences, claims nothing and is Ready', () => {
    const status = statusOf({ adoptionPolicy: 'Observe', globalConcurrency: 5 }, observed({ globalConcurrency: 4 }));
    expect(status.plan).toEqual([
      'mark the queue as governed by this Queue',
      'set the global concurrency to 5, from 4',
    ]);
    expect(condition(status, 'Ready')).toMatchObject({ status: 'True', reason: 'Observed' });
    expect(status).not.toHaveProperty('adoptedAt');
    const spec: QueueSpec = { adoptionPolicy: 'Observe', retention: { completedJobs: '1h' } };
    const recurring = statusOf(spec, observed());
    expect(recurring.plan).toEqual(['mark the queue as governed by this Queue', 'remove completed jobs older than 1h']);
    expect(condition(recurring, 'Ready')?.message).toContain('2 changes would be made');
  });

  it('one job scheduler is said to be one', () => {
    const schedulers = ['a', 'b'].map((name) => ({ name, every: '5m' }));
    const messages = [schedulers.slice(1), schedulers].map(
      (some) => condition(statusOf({ schedulers: some }, observed()), 'Ready')?.message,
    );
    expect(messages).toEqual(['holds in Redis: 1 job scheduler', 'holds in Redis: 2 job schedulers']);
  });

  it.each<[QueueSpec, ObservedQueue, string, RegExp]>([
    [
      { rateLimits: { maxJobsPerSecond: 1, burstCapacity: 200 } },
      observed(),
      'BurstCapped',
      /200 is set as 5 jobs per 5000 ms/,
    ],
    [
      {},
      observed({}, { server: { product: 'redis', version: '7.2.0', tooOld: false, maxmemoryPolicy: 'allkeys-lru' } }),
      'MaxmemoryPolicy',
      /allkeys-lru/,
    ],
  ])('%j: a condition of its own', (spec, facts, type, message) => {
    const status = statusOf(spec, facts);
    expect(condition(status, type)).toMatchObject({ status: 'True', message: expect.stringMatching(message) });
    expect(condition(status, 'Ready')?.status).toBe('True');
    expect(condition(statusOf({}, observed(), undefined, status), type)).toBeUndefined();
  });
});
