import type { QueueReason, QueueSpec, QueueStatus } from '@redis-queue/api';
import { CLAIM_TTL_MS, formatOwnerMark, type OwnerMark, type QueueSample } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { INHERITANCE_MS } from './waits.ts';
import { planQueue } from '../plan.ts';
import type { ObservedQueue, QueuePlan } from '../steps.ts';
import { CLUSTER, emptySample, FENCE, markOf, observed, queueObject } from '../testing/queues.ts';

const DELETED = '2026-03-04T05:00:00Z';
const minutesLater = (minutes: number): Date => new Date(Date.parse(DELETED) + minutes * 60_000);
const ours = { rawOwnerMark: markOf([]) };
const heir = { namespace: 'crm', name: 'mail', creationTimestamp: DELETED, login: 'accepted' as const };
const FORCE = { 'redis-queue.io/force-delete': 'true' };
const empty = emptySample();

interface Circumstances {
  readonly minutes?: number;
  readonly annotations?: Record<string, string>;
  readonly status?: QueueStatus;
}

function plan(spec: QueueSpec, facts: ObservedQueue, circumstances: Circumstances = {}): QueuePlan {
  const { minutes = 2, annotations = {}, status } = circumstances;
  const finalizers = ['redis-queue.io/queue-data'];
  const queue = queueObject(spec, { deletionTimestamp: DELETED, finalizers, annotations }, status);
  return planQueue(queue, facts, minutesLater(minutes));
}

const kinds = ({ steps }: QueuePlan): string[] => steps.map(({ kind }) => kind);

function unreadable(reason: QueueReason): ObservedQueue {
  return { clusterId: CLUSTER, fence: FENCE, claimants: [], problem: { reason, message: 'why' } };
}

/** What the conditions say when the way to the data has been blocked for so long, two minutes after the deletion. */
function blocked(reason: QueueReason, forMinutes: number): QueueStatus {
  const since = { status: 'True' as const, reason, lastTransitionTime: minutesLater(2 - forMinutes).toISOString() };
  return {
    conditions: [
      { type: 'Ready', ...since, status: 'False', message: 'why' },
      { type: 'DeletionBlocked', ...since, message: 'why; a way out' },
    ],
  };
}

it('a Queue whose Secret has led to another Redis since says where its data is left', () => {
  const status: QueueStatus = { effective: { name: 'emails', prefix: 'bull', redisAddress: 'former:6379' } };
  const found = { ...observed({}), redisAddress: 'new:6379' };
  expect(plan({ deletionPolicy: 'Delete' }, found, { status }).steps).toMatchObject([
    { kind: 'removeFinalizer', dataRetained: expect.stringContaining('it lies in former:6379') as string },
  ]);
  const same = { ...found, redisAddress: 'former:6379' };
  expect(plan({ deletionPolicy: 'Delete' }, same, { status }).steps).toEqual([{ kind: 'removeFinalizer' }]);
});

it('so does one that has seen the other Redis and has not taken the queue over there', () => {
  const effective = { name: 'emails', prefix: 'bull', redisAddress: 'new:6379' };
  const formerRedis = [{ address: 'former:6379', since: '2026-01-02T03:04:05.000Z' }];
  const found = { ...observed({}), redisAddress: 'new:6379' };
  for (const adoptionPolicy of ['Adopt', 'Observe'] as const)
    expect(
      plan({ adoptionPolicy, deletionPolicy: 'Delete' }, found, { status: { effective, formerRedis } }).steps,
    ).toMatchObject([
      { kind: 'removeFinalizer', dataRetained: expect.stringContaining('it lies in former:6379') as string },
    ]);
  // What it had taken over here is removed already.
  const governed: QueueStatus = { effective, formerRedis, adoptedAt: '2026-01-03T03:04:05.000Z' };
  expect(plan({ deletionPolicy: 'Delete' }, found, { status: governed }).steps).toEqual([{ kind: 'removeFinalizer' }]);
});

it('a Queue whose removal was begun says that the queue stays paused when Redis is away by then', () => {
  const effective = { name: 'emails', prefix: 'bull', paused: true };
  const facts = unreadable('RedisUnreachable');
  const retained = (spec: QueueSpec) =>
    plan({ deletionPolicy: 'Retain', ...spec }, facts, { minutes: 10, status: { effective } }).steps;
  expect(retained({})).toMatchObject([
    { dataRetained: expect.stringMatching(/deletionPolicy is Retain; the queue was paused .* resume it/) as string },
  ]);
  expect(retained({ paused: true })).toMatchObject([{ dataRetained: 'deletionPolicy is Retain' }]);
});

describe('deleting a Queue that only observes', () => {
  const observes = { adoptionPolicy: 'Observe', deletionPolicy: 'Delete' } as const;

  it.each([{}, FORCE])('writes nothing to Redis, whatever it had taken over before, with %j', (annotations) => {
    const found = observed({ ...ours, schedulerList: 'c1/shop/emails\nnightly' }, { sample: empty });
    expect(plan(observes, found, { annotations }).steps).toEqual([
      { kind: 'removeFinalizer', dataRetained: 'adoptionPolicy is Observe' },
    ]);
    expect(plan(observes, unreadable('RedisUnreachable'), { annotations }).steps).toEqual([
      { kind: 'removeFinalizer', dataRetained: 'adoptionPolicy is Observe' },
    ]);
  });

  it('ends a removal that was begun: the queue does not stay paused', () => {
    const begun = { rawOwnerMark: markOf([], undefined, { fence: FENCE, paused: true }), paused: true };
    expect(kinds(plan(observes, observed(begun, { sample: empty })))).toEqual([
      'endRemoval',
      'resume',
      'endRemoval',
      'removeFinalizer',
    ]);
  });
});

describe('deleting a Queue that has declared job schedulers', () => {
  const scheduled = { ...ours, schedulerList: 'c1/shop/emails\nnightly\nhourly' };
  const withRuns = observed(scheduled, { sample: { ...empty, delayed: 2 } });

  it('DeleteIfEmpty removes them before it counts what is left', () => {
    const { steps, problem, rawOwnerMark } = plan({ deletionPolicy: 'DeleteIfEmpty' }, withRuns);
    expect(steps).toEqual([
      { kind: 'removeScheduler', name: 'nightly', owner: 'c1/shop/emails' },
      { kind: 'removeScheduler', name: 'hourly', owner: 'c1/shop/emails' },
    ]);
    expect(problem?.reason).toBe('Deleting');
    expect(rawOwnerMark).toBe(ours.rawOwnerMark);
    const after = observed(ours, { sample: { ...empty, delayed: 1 } });
    expect(plan({ deletionPolicy: 'DeleteIfEmpty' }, after).steps).toMatchObject([
      { kind: 'removeFinalizer', dataRetained: 'deletionPolicy is DeleteIfEmpty and 1 jobs are left' },
    ]);
  });

  it('Delete removes them with the data, so that none runs while active jobs are waited for', () => {
    const found = kinds(plan({ deletionPolicy: 'Delete' }, withRuns));
    expect(found.slice(0, 2)).toEqual(['removeScheduler', 'removeScheduler']);
    expect(found).toContain('obliterate');
  });

  it.each([
    ['with Retain', {}, {}],
    ['for who inherits the data', { deletionPolicy: 'DeleteIfEmpty' }, { claimants: [heir] }],
  ] as const)('they stay %s', (_, spec, facts) => {
    expect(kinds(plan(spec, { ...withRuns, ...facts }))).toEqual(['removeFinalizer']);
  });

  it('they stay while another Queue may still inherit', () => {
    expect(plan({ deletionPolicy: 'Delete' }, withRuns, { minutes: 0.5 })).toMatchObject({
      steps: [],
      problem: { reason: 'DeletionDelayed' },
    });
  });
});

describe('deleting a Queue', () => {
  it('Delete marks the removal, pauses the queue, removes the data, then releases the object', () => {
    const removal = { fence: FENCE, paused: true };
    const { steps, rawOwnerMark } = plan({ deletionPolicy: 'Delete' }, observed(ours));
    expect(steps).toMatchObject([
      { kind: 'beginRemoval', mark: { owner: 'c1/shop/emails', removal } },
      { kind: 'pause' },
      { kind: 'obliterate', stopAt: 'busy' },
      { kind: 'removeFinalizer' },
    ]);
    expect(rawOwnerMark).toBe(ours.rawOwnerMark);
    const begun = { rawOwnerMark: markOf([], undefined, removal), paused: true };
    expect(kinds(plan({ deletionPolicy: 'Delete' }, observed(begun)))).toEqual(['obliterate', 'removeFinalizer']);
  });

  it.each([
    [true, { hasWorkers: true }],
    [false, { hasWorkers: undefined }],
  ])('says when workers are connected that will write to the queue again: %s', (hasWorkers, step) => {
    const { steps } = plan({ deletionPolicy: 'Delete' }, observed(ours, { hasWorkers }));
    expect({ hasWorkers: undefined, ...steps.find(({ kind }) => kind === 'obliterate') }).toMatchObject(step);
  });

  describe('while a Queue that only Redis knows of has a claim', () => {
    const claim = { owner: 'c1/crm/mail', leftMs: 90_000, stored: '1 c1/crm/mail' };
    const claimed = observed({ ...ours, claims: [claim] });

    it.each(['Delete', 'DeleteIfEmpty'] as const)(
      '%s says in the mark that it waits, and removes nothing',
      (policy) => {
        const facts = { ...claimed, sample: empty };
        const { steps, problem, dueMs } = plan({ deletionPolicy: policy }, facts, { minutes: 5 });
        expect(steps).toMatchObject([{ kind: 'beginRemoval', mark: { removal: { fence: FENCE, paused: false } } }]);
        expect(problem).toMatchObject({ reason: 'DeletionDelayed', message: expect.stringContaining('crm/mail') });
        expect(dueMs).toBe(90_000);
      },
    );

    // Whoever may write to the queue renews a claim of whom nobody can ask, for ever.
    it.each(['Delete', 'DeleteIfEmpty'] as const)(
      '%s lets the object go and keeps the data once every claim must have been renewed since the deletion',
      (deletionPolicy) => {
        const removal = { fence: FENCE, paused: true };
        const renewed = { ...claim, owner: 'c2/crm/mail', leftMs: CLAIM_TTL_MS };
        const facts = (deletionKnownMs: number): ObservedQueue =>
          observed(
            { rawOwnerMark: markOf([], undefined, removal), paused: true, claims: [renewed] },
            { sample: empty, deletionKnownMs },
          );
        const waits = plan({ deletionPolicy }, facts(CLAIM_TTL_MS - 5_000), { minutes: 60 });
        expect(waits).toMatchObject({ steps: [], dueMs: 5_000, problem: { reason: 'DeletionDelayed' } });
        expect(plan({ deletionPolicy }, facts(CLAIM_TTL_MS), { minutes: 9 }).dueMs).toBe(61_000);
        const released = plan({ deletionPolicy }, facts(CLAIM_TTL_MS), { minutes: 11 });
        expect(kinds(released)).toEqual(['endRemoval', 'resume', 'endRemoval', 'removeFinalizer']);
        expect(released.steps.at(-1)).toMatchObject({ dataRetained: expect.stringContaining('crm/mail') });
        expect(released.rawOwnerMark).toBe(markOf([], undefined, removal));
      },
    );

    it('a claim that nobody renews ends by itself before that, and the data is removed', () => {
      const { problem, dueMs } = plan({ deletionPolicy: 'Delete' }, claimed, { minutes: 8.5 });
      expect([problem?.reason, dueMs]).toEqual(['DeletionDelayed', 90_000]);
      expect(kinds(plan({ deletionPolicy: 'Delete' }, observed(ours), { minutes: 10 }))).toContain('obliterate');
    });

    it('the mark is written once', () => {
      const waiting = { rawOwnerMark: markOf([], undefined, { fence: 'former', paused: false }), claims: [claim] };
      expect(plan({ deletionPolicy: 'Delete' }, observed(waiting)).steps).toEqual([]);
    });

    it.each<[string, ObservedQueue, Record<string, string>]>([
      ['force is in no way delayed', claimed, FORCE],
      [
        'its own former claim counts for nothing',
        observed({ ...ours, claims: [{ ...claim, owner: 'c1/shop/emails' }] }),
        {},
      ],
      ['neither does that of an object that is gone', { ...claimed, deadClaims: [claim.stored] }, {}],
    ])('%s', (_, facts, annotations) => {
      const { steps } = plan({ deletionPolicy: 'Delete' }, facts, { annotations });
      const [removal] = steps.filter(({ kind }) => kind === 'obliterate');
      const owner = annotations === FORCE ? undefined : 'c1/shop/emails';
      expect(removal?.kind === 'obliterate' && removal.owner).toBe(owner);
    });
  });

  it('no round begins in Redis later than ten seconds after what it was planned from', () => {
    const sample = { ...empty, redisTimeMs: 1_000_000 };
    expect(plan({ deletionPolicy: 'Delete' }, observed(ours, { sample })).removesUntilMs).toBe(1_010_000);
  });

  it('a removal that another leader has begun gets a mark of its own, and remembers whose pause it is', () => {
    const begun = { rawOwnerMark: markOf([], undefined, { fence: 'former', paused: true }), paused: true };
    expect(plan({ deletionPolicy: 'Delete' }, observed(begun)).steps).toMatchObject([
      { kind: 'beginRemoval', mark: { removal: { fence: FENCE, paused: true } } },
      { kind: 'obliterate' },
      { kind: 'removeFinalizer' },
    ]);
  });

  it('a queue that was paused before stays what it was', () => {
    const { steps } = plan({ deletionPolicy: 'Delete' }, observed({ ...ours, paused: true }));
    expect(steps[0]).toMatchObject({ kind: 'beginRemoval', mark: { removal: { paused: false } } });
    expect(steps.map(({ kind }) => kind)).not.toContain('pause');
  });

  it('jobs of a queue that Redis has brought back without its mark stay, and that is said', () => {
    const status: QueueStatus = { adoptedAt: '2026-01-02T03:04:05.000Z' };
    const brought = observed({ exists: true }, { sample: { ...empty, waiting: 2, completed: 1 } });
    expect(plan({ deletionPolicy: 'Delete' }, brought, { status }).steps).toEqual([
      {
        kind: 'removeFinalizer',
        dataRetained: 'its owner mark is gone from Redis, so that the 3 jobs there belong to no object',
      },
    ]);
    const removed = observed({ exists: true }, { sample: empty });
    expect(plan({ deletionPolicy: 'Delete' }, removed, { status }).steps).toEqual([{ kind: 'removeFinalizer' }]);
  });

  it('data without a mark is not ours, or is gone already: the object is released and nothing is touched', () => {
    expect(plan({ deletionPolicy: 'Delete' }, observed({ exists: true })).steps).toEqual([{ kind: 'removeFinalizer' }]);
  });

  it.each([markOf([], 'c1/crm/mail'), markOf([], 'c2/shop/emails'), '{"v":2}'])(
    'data under the mark %s stays',
    (rawOwnerMark) => {
      const { steps } = plan({ deletionPolicy: 'Delete' }, observed({ rawOwnerMark }));
      expect(steps).toEqual([{ kind: 'removeFinalizer', dataRetained: expect.any(String) }]);
    },
  );

  it.each<[Partial<QueueSample>, string[]]>([
    [{}, ['beginRemoval', 'obliterate', 'removeFinalizer']],
    [{ completed: 5 }, ['beginRemoval', 'obliterate', 'removeFinalizer']],
    [{ waiting: 1 }, ['removeFinalizer']],
    [{ delayed: 1 }, ['removeFinalizer']],
    [{ failed: 1 }, ['removeFinalizer']],
    [{ active: 1 }, ['removeFinalizer']],
    [{ legacyPaused: 1 }, ['removeFinalizer']],
    [{ waitingChildren: 1 }, ['removeFinalizer']],
    [{ prioritized: 1 }, ['removeFinalizer']],
  ])('DeleteIfEmpty with %j → %j, at once', (counts, expected) => {
    const facts = observed(ours, { sample: { ...empty, ...counts } });
    for (const annotations of [{}, FORCE]) {
      const planned = plan({ deletionPolicy: 'DeleteIfEmpty' }, facts, { minutes: 0, annotations });
      expect(kinds(planned)).toEqual(expected);
      // Whatever the sample says: jobs may come until the script runs.
      const removals = planned.steps.filter(({ kind }) => kind === 'obliterate');
      expect(removals.filter((step) => !('stopAt' in step) || step.stopAt !== 'unfinished')).toEqual([]);
    }
  });

  it('a Queue that became Retain before it was deleted keeps its data', () => {
    expect(plan({}, observed(ours)).steps).toMatchObject([
      { kind: 'removeFinalizer', dataRetained: 'deletionPolicy is Retain' },
    ]);
  });

  it('Retain ends a removal that was begun: its mark and its pause go first', () => {
    const begun = { rawOwnerMark: markOf(['rateLimit'], undefined, { fence: FENCE, paused: true }), paused: true };
    const { steps } = plan({}, observed(begun));
    expect(steps).toMatchObject([
      { kind: 'endRemoval', mark: { managed: ['rateLimit'], removal: { paused: true } } },
      { kind: 'resume' },
      { kind: 'endRemoval', mark: { managed: ['rateLimit'] } },
      { kind: 'removeFinalizer', dataRetained: 'deletionPolicy is Retain' },
    ]);
    // No round and no pause of any leader is sent under the mark that the queue is resumed under.
    const [ending, , end] = steps as readonly { mark: OwnerMark }[];
    expect(ending!.mark.removal?.fence).not.toBe(FENCE);
    expect(end!.mark).not.toHaveProperty('removal');
    const interrupted = { rawOwnerMark: formatOwnerMark(ending!.mark), paused: true };
    expect(kinds(plan({}, observed(interrupted)))).toEqual(['resume', 'endRemoval', 'removeFinalizer']);
    expect(kinds(plan({ deletionPolicy: 'Delete' }, observed(interrupted)))[0]).toBe('beginRemoval');
    expect(kinds(plan({ paused: true }, observed(begun)))).toEqual(['endRemoval', 'removeFinalizer']);
  });

  it('nothing is done for a Queue that others hold', () => {
    const held = queueObject({ deletionPolicy: 'Delete' }, { deletionTimestamp: DELETED, finalizers: ['other'] });
    expect(planQueue(held, observed(ours), minutesLater(9))).toEqual({ steps: [] });
  });
});

describe('who inherits the data of a deleted Queue', () => {
  it('Delete waits a minute for a claimant, and says so', () => {
    const planned = plan({ deletionPolicy: 'Delete' }, observed(ours), { minutes: 0.5 });
    expect(planned).toMatchObject({ steps: [], dueMs: INHERITANCE_MS - 30_000 });
    expect(planned.problem).toMatchObject({
      reason: 'DeletionDelayed',
      message: expect.stringContaining('at 2026-03-04T05:01:01Z unless another Queue claims it'),
    });
    expect(INHERITANCE_MS).toBeGreaterThan(60_000);
  });

  it.each([60 * 24, -2])('a clock that is wrong by %d minutes does not shorten the wait', (minutes) => {
    const wait = (deletionKnownMs: number): QueuePlan =>
      plan({ deletionPolicy: 'Delete' }, observed(ours, { deletionKnownMs }), { minutes });
    expect(wait(0)).toMatchObject({ steps: [], problem: { reason: 'DeletionDelayed' } });
    expect(wait(59_000)).toMatchObject({ steps: [] });
    expect(wait(0).dueMs).toBeGreaterThanOrEqual(60_000);
    expect(kinds(wait(60_000)).includes('obliterate')).toBe(minutes > 0);
  });

  it('a claimant of which nothing is known is waited for by our own clock too', () => {
    const facts = { claimants: [{ ...heir, login: 'unknown' as const }], sample: empty, deletionKnownMs: 9_000 };
    const waits = plan({ deletionPolicy: 'DeleteIfEmpty' }, observed(ours, facts), { minutes: 600 });
    expect(waits).toMatchObject({ steps: [], dueMs: 1_000, problem: { reason: 'DeletionDelayed' } });
  });

  it('a queue that is empty is removed at once, whatever the clock says', () => {
    const facts = observed(ours, { sample: empty, deletionKnownMs: 0 });
    expect(kinds(plan({ deletionPolicy: 'DeleteIfEmpty' }, facts, { minutes: 600 }))).toContain('obliterate');
  });

  it('force does not wait', () => {
    const { steps } = plan({ deletionPolicy: 'Delete' }, observed(ours), { minutes: 0, annotations: FORCE });
    expect(steps).toContainEqual({ kind: 'obliterate', stopAt: 'nothing' });
  });

  it.each(['Delete', 'DeleteIfEmpty'] as const)(
    '%s: a claimant that Redis accepts does, at any time',
    (deletionPolicy) => {
      for (const minutes of [0, 0.5, 10]) {
        const facts = observed(ours, { claimants: [heir], sample: empty });
        expect(plan({ deletionPolicy }, facts, { minutes }).steps).toEqual([
          { kind: 'removeFinalizer', dataRetained: 'Queue crm/mail claims the queue and inherits its data' },
        ]);
      }
    },
  );

  it('a claimant that Redis refuses does not', () => {
    const facts = observed(ours, { claimants: [{ ...heir, login: 'refused' }] });
    expect(kinds(plan({ deletionPolicy: 'Delete' }, facts))).toContain('obliterate');
  });

  describe('a claimant of which it is not known', () => {
    const claimants = [{ ...heir, login: 'unknown' as const }];

    // A login that hangs on purpose costs no more than that.
    it.each([
      ['Delete', 0.9, 1.1],
      ['DeleteIfEmpty', 0.1, 0.2],
    ] as const)('and that has no claim in Redis, delays %s for a short time only', (policy, waits, removes) => {
      const facts = observed(ours, { claimants, sample: empty });
      expect(plan({ deletionPolicy: policy }, facts, { minutes: waits }).problem).toMatchObject({
        reason: 'DeletionDelayed',
        message: expect.stringContaining('crm/mail'),
      });
      expect(kinds(plan({ deletionPolicy: policy }, facts, { minutes: removes }))).toContain('obliterate');
    });

    it.each(['Delete', 'DeleteIfEmpty'] as const)('is waited for by %s while it has one', (policy) => {
      const claims = [{ owner: 'c1/crm/mail', leftMs: 90_000, stored: '1 c1/crm/mail' }];
      const facts = observed({ ...ours, claims }, { claimants, sample: empty });
      const { problem, steps } = plan({ deletionPolicy: policy }, facts, { minutes: 5 });
      expect([problem?.reason, steps.map(({ kind }) => kind)]).toEqual(['DeletionDelayed', ['beginRemoval']]);
    });
  });
});

describe('deleting a Queue whose Redis is gone, or refuses', () => {
  const reasons: QueueReason[] = [
    'SecretNotFound',
    'SecretInvalid',
    'SecretNotPermitted',
    'PrefixReserved',
    'RedisUnreachable',
    'RedisAuthFailed',
    'RedisBusy',
  ];

  it.each(reasons)('%s: the object goes after five minutes of this, and the data stays', (reason) => {
    const facts = unreadable(reason);
    expect(plan({ deletionPolicy: 'Delete' }, facts, { minutes: 600 })).toMatchObject({ steps: [], dueMs: 300_000 });
    const status = blocked(reason, 4);
    expect(plan({ deletionPolicy: 'Delete' }, facts, { status })).toEqual({
      steps: [],
      dueMs: 60_000,
      problem: { reason, message: 'why' },
    });
    expect(plan({ deletionPolicy: 'Delete' }, facts, { status: blocked(reason, 5) }).steps).toEqual([
      { kind: 'removeFinalizer', dataRetained: 'why' },
    ]);
  });

  it.each(reasons)('%s: Retain and force release it at once', (reason) => {
    expect(plan({}, unreadable(reason)).steps).toEqual([
      { kind: 'removeFinalizer', dataRetained: 'deletionPolicy is Retain' },
    ]);
    expect(plan({ deletionPolicy: 'Delete' }, unreadable(reason), { annotations: FORCE }).steps).toEqual([
      { kind: 'removeFinalizer', dataRetained: 'why' },
    ]);
  });

  it.each<QueueReason>(['RedisReadOnly', 'RedisNoPermission', 'RedisOutOfMemory'])('%s: likewise', (reason) => {
    const facts = observed({ rawOwnerMark: markOf([], undefined, { fence: FENCE, paused: true }), paused: true });
    const released = { dataRetained: 'why', kind: 'removeFinalizer' };
    const spec = { deletionPolicy: 'Delete' as const };
    expect(kinds(plan(spec, facts, { status: blocked(reason, 4) }))).toContain('obliterate');
    expect(plan(spec, facts, { status: blocked(reason, 5) }).steps).toEqual([released]);
    expect(plan(spec, facts, { status: blocked(reason, 0), annotations: FORCE }).steps).toEqual([released]);
    expect(kinds(plan({}, facts, { status: blocked(reason, 0) }))).toEqual(['removeFinalizer']);
  });

  it('a Redis that is back after a long outage is cleared as if nothing had been', () => {
    const status = blocked('RedisUnreachable', 60);
    expect(kinds(plan({ deletionPolicy: 'Delete' }, observed(ours), { status }))).toContain('obliterate');
  });
});
