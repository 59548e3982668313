import type { QueueReason, QueueSpec, QueueStatus } from '@redis-queue/api';
import type { ObservedPolicy } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { describeStep } from './describe.ts';
import { planQueue } from './plan.ts';
import type { ObservedQueue, QueueStep } from './steps.ts';
import { declaredSchedulers } from './schedulers/declared.ts';
import { ADOPTED_AT, CLUSTER, FENCE, markOf, NOW, observed, queueObject } from './testing/queues.ts';

const kinds = (spec: QueueSpec, policy: Partial<ObservedPolicy>): QueueStep['kind'][] =>
  planQueue(queueObject(spec), observed(policy), NOW).steps.map((step) => step.kind);
const limit = { rateLimits: { maxJobsPerSecond: 10 } };

function refuse(policy: Partial<ObservedPolicy>): unknown {
  return planQueue(queueObject({ adoptionPolicy: 'Refuse' }), observed(policy), NOW);
}

describe('what has to change in Redis', () => {
  it.each<[string, QueueSpec, Partial<ObservedPolicy>, QueueStep['kind'][]]>([
    ['a queue that nobody used is claimed', {}, {}, ['claim']],
    [
      'adoption leaves alone what the spec does not name',
      {},
      { exists: true, paused: true, rateLimit: { max: 1, durationMs: 2 }, globalConcurrency: 3, legacyPaused: 4 },
      ['claim'],
    ],
    [
      'nothing when all holds',
      { ...limit, paused: false },
      { rawOwnerMark: markOf(['rateLimit', 'paused']), rateLimit: { max: 10, durationMs: 1000 } },
      [],
    ],
    ['the claim names a field before it is written', limit, { rawOwnerMark: markOf([]) }, ['claim', 'setRateLimit']],
    [
      'drift of a limit is repaired',
      limit,
      { rawOwnerMark: markOf(['rateLimit']), rateLimit: { max: 99, durationMs: 1000 } },
      ['setRateLimit'],
    ],
    ['a limit that somebody removed is set again', limit, { rawOwnerMark: markOf(['rateLimit']) }, ['setRateLimit']],
    [
      'max without duration is repaired',
      limit,
      { rawOwnerMark: markOf(['rateLimit']), brokenRateLimit: true },
      ['setRateLimit'],
    ],
    [
      'a concurrency is set',
      { globalConcurrency: 5 },
      { rawOwnerMark: markOf(['globalConcurrency']), globalConcurrency: 4 },
      ['setGlobalConcurrency'],
    ],
    ['a pause is set', { paused: true }, { rawOwnerMark: markOf(['paused']) }, ['pause']],
    [
      'jobs of a paused queue that BullMQ 5 would lose at its resume are moved',
      { paused: true },
      { rawOwnerMark: markOf(['paused']), paused: true, exposedWaiting: 3 },
      ['movePausedJobs'],
    ],
    [
      'a paused queue stays as it is',
      { paused: true },
      { rawOwnerMark: markOf(['paused']), paused: true, legacyPaused: 3 },
      [],
    ],
    ['a pause is lifted', { paused: false }, { rawOwnerMark: markOf(['paused']), paused: true }, ['resume']],
    [
      'jobs that a v5 client left in its paused list are moved back',
      { paused: false },
      { rawOwnerMark: markOf(['paused']), legacyPaused: 1 },
      ['resume'],
    ],
    [
      'a concurrency that stops every worker is cleared as any other',
      {},
      { rawOwnerMark: markOf(['globalConcurrency']), brokenConcurrency: true },
      ['clearGlobalConcurrency', 'release'],
    ],
    [
      'a field that is no longer managed is cleared, then removed from the mark',
      {},
      {
        rawOwnerMark: markOf(['rateLimit', 'globalConcurrency', 'paused']),
        paused: true,
        rateLimit: { max: 1, durationMs: 2 },
        globalConcurrency: 3,
      },
      ['clearRateLimit', 'clearGlobalConcurrency', 'resume', 'release'],
    ],
    [
      'a field that is no longer managed and cleared already is only removed from the mark',
      {},
      { rawOwnerMark: markOf(['rateLimit']) },
      ['release'],
    ],
    [
      'limits are tightened before a pause is lifted',
      { ...limit, globalConcurrency: 1, paused: false },
      { rawOwnerMark: markOf(['paused']), paused: true },
      ['claim', 'setRateLimit', 'setGlobalConcurrency', 'resume'],
    ],
    [
      'a queue is paused before its limit is lifted',
      { paused: true },
      { rawOwnerMark: markOf(['rateLimit']), rateLimit: { max: 1, durationMs: 2 } },
      ['claim', 'pause', 'clearRateLimit', 'release'],
    ],
  ])('%s', (_, spec, policy, expected) => {
    expect(kinds(spec, policy)).toEqual(expected);
  });

  it('the date of adoption is kept', () => {
    const plan = planQueue(queueObject(limit), observed({ rawOwnerMark: markOf([]) }), NOW);
    expect(plan.steps[0]).toMatchObject({ kind: 'claim', mark: { adoptedAt: ADOPTED_AT, managed: ['rateLimit'] } });
    expect(plan.adopts).toBeUndefined();
    expect(planQueue(queueObject(), observed(), NOW)).toMatchObject({
      adopts: true,
      steps: [{ mark: { adoptedAt: NOW.toISOString() } }],
    });
  });

  it("a former owner's fields are not cleared: what the spec does not name is left alone", () => {
    const policy = { rawOwnerMark: markOf(['rateLimit'], 'c1/shop/gone'), rateLimit: { max: 1, durationMs: 2 } };
    const plan = planQueue(queueObject(), observed(policy, { holder: 'gone' }), NOW);
    expect(plan.steps).toMatchObject([{ kind: 'claim', from: 'shop/gone', mark: { managed: [] } }]);
  });

  it.each<[NonNullable<QueueSpec['deletionPolicy']>, string[], QueueStep['kind'][]]>([
    ['Delete', [], ['addFinalizer', 'claim']],
    ['DeleteIfEmpty', ['redis-queue.io/queue-data'], ['claim']],
    ['Retain', [], ['claim']],
    ['Retain', ['redis-queue.io/queue-data'], ['removeFinalizer', 'claim']],
  ])(
    'data is held by a finalizer before it is claimed, unless it is retained: %s with %j',
    (deletionPolicy, finalizers, expected) => {
      const plan = planQueue(queueObject({ deletionPolicy }, { finalizers }), observed(), NOW);
      expect(plan.steps.map((step) => step.kind)).toEqual(expected);
    },
  );
});

describe('whose queue it is', () => {
  const rival = {
    namespace: 'crm',
    name: 'mail',
    creationTimestamp: '2025-12-31T00:00:00Z',
    login: 'accepted' as const,
  };
  const twin = { ...rival, creationTimestamp: '2026-01-01T00:00:00Z' };
  const young = { ...rival, creationTimestamp: '2026-02-01T00:00:00Z' };
  const theirs = { rawOwnerMark: markOf([], 'c1/crm/mail'), exists: true };
  const takeOver = { annotations: { 'redis-queue.io/take-over': 'true' } };

  it.each([twin, rival])('we keep the queue that we have marked, whoever else claims it: %j', (other) => {
    const { problem } = planQueue(queueObject(), observed({ rawOwnerMark: markOf([]) }, { claimants: [other] }), NOW);
    expect(problem).toBeUndefined();
  });

  it.each<[string, ObservedQueue, Partial<ReturnType<typeof queueObject>['metadata']>, QueueReason | 'claim']>([
    [
      'an older claimant wins, even before it has marked the queue',
      observed({}, { claimants: [rival] }),
      {},
      'Conflict',
    ],
    ['an older claimant wins over the annotation', observed({}, { claimants: [rival] }), takeOver, 'Conflict'],
    ...(['refused', 'unknown'] as const).map((login): [string, ObservedQueue, object, 'claim'] => [
      `an older claimant whose credentials are ${login} claims nothing`,
      observed({}, { claimants: [{ ...rival, login }] }),
      {},
      'claim',
    ]),
    [
      'a younger claimant that was faster keeps the queue',
      observed(theirs, { claimants: [young], holder: 'claims' }),
      {},
      'Conflict',
    ],
    ['a younger claimant does not keep us from a free queue', observed({}, { claimants: [young] }), {}, 'claim'],
    ['at the same age, the names decide', observed({}, { claimants: [twin] }), {}, 'Conflict'],
    [
      'at the same age, whoever has marked the queue keeps it, whatever the names',
      observed(
        { rawOwnerMark: markOf([], 'c1/shop/zzz'), exists: true },
        { claimants: [{ ...twin, namespace: 'shop', name: 'zzz' }], holder: 'claims' },
      ),
      {},
      'Conflict',
    ],
    ['the mark of an object that is gone is free', observed(theirs, { holder: 'gone' }), {}, 'claim'],
    ['the mark of an object that is being deleted is free', observed(theirs, { holder: 'leaving' }), {}, 'claim'],
    [
      'of several heirs the oldest inherits',
      observed(theirs, { holder: 'leaving', claimants: [{ ...rival, name: 'other' }] }),
      {},
      'Conflict',
    ],
    [
      'the mark of an object that reaches this Redis by another name is not',
      observed(theirs, { holder: 'claims' }),
      {},
      'Conflict',
    ],
    ['the mark of an object that we may not read is not', observed(theirs, { holder: 'unknown' }), {}, 'Conflict'],
    ['the annotation frees it', observed(theirs, { holder: 'claims' }), takeOver, 'claim'],
    [
      "another cluster's is not free",
      observed({ rawOwnerMark: markOf([], 'c2/shop/emails') }),
      {},
      'OwnedByOtherCluster',
    ],
    [
      "another cluster's is free by annotation",
      observed({ rawOwnerMark: markOf([], 'c2/shop/emails') }),
      takeOver,
      'claim',
    ],
    ["a later release's is not free", observed({ rawOwnerMark: '{"v":2}' }), {}, 'OwnerMarkUnreadable'],
  ])('%s', (_, facts, metadata, expected) => {
    const { steps, problem } = planQueue(queueObject({}, metadata), facts, NOW);
    const changes = steps.map((step) => step.kind).filter((kind) => kind !== 'leaveClaim');
    expect([...changes, problem?.reason].filter(Boolean)).toEqual([expected]);
  });

  const waits = (policy: Partial<ObservedPolicy>, rest: Partial<ObservedQueue> = { holder: 'unknown' }) =>
    observed({ ...theirs, ...policy }, rest);

  describe('a Queue that waits for another to go says so in Redis', () => {
    const mine = { owner: `${CLUSTER}/shop/emails`, stored: '1 x' };

    it.each<[string, ObservedQueue, QueueSpec, boolean]>([
      ['whose object lives', waits({}, { holder: 'claims' }), {}, true],
      ['whose object it may not read', waits({}), {}, true],
      ['anew when half of its time is over', waits({ claims: [{ ...mine, leftMs: 299_000 }] }), {}, true],
      ['once until then', waits({ claims: [{ ...mine, leftMs: 301_000 }] }), {}, false],
      ['unless it only observes', waits({}), { adoptionPolicy: 'Observe' }, false],
      ['unless it refuses queues that exist', waits({}), { adoptionPolicy: 'Refuse' }, false],
      ['unless the other is of another cluster', waits({ rawOwnerMark: markOf([], 'c2/shop/emails') }), {}, false],
      ['unless an older one waits for the same', waits({}, { holder: 'gone', claimants: [rival] }), {}, false],
    ])('%s', (_, facts, spec, says) => {
      const { steps, rawOwnerMark } = planQueue(queueObject(spec), facts, NOW);
      expect(steps).toEqual(says ? [{ kind: 'leaveClaim', owner: mine.owner }] : []);
      expect(rawOwnerMark).toBe(says ? theirs.rawOwnerMark : undefined);
    });

    it('and takes the queue over from an object that it may not read when the mark says that it is removed', () => {
      const removal = { fence: 'other', paused: true };
      const leaving = { rawOwnerMark: markOf([], 'c1/crm/mail', removal), exists: true, paused: true };
      expect(planQueue(queueObject(), observed(leaving, { holder: 'unknown' }), NOW).steps).toMatchObject([
        { kind: 'claim', from: 'crm/mail' },
        { kind: 'resume' },
        { kind: 'release' },
      ]);
      const { problem } = planQueue(queueObject(), observed(leaving, { holder: 'claims' }), NOW);
      expect(problem?.reason).toBe('Conflict');
    });
  });

  it('a conflict names the other object', () => {
    expect(planQueue(queueObject(), observed({}, { claimants: [rival] }), NOW).problem?.message).toContain('crm/mail');
  });
});

describe('a new Queue whose queue another governs', () => {
  const theirs = { rawOwnerMark: markOf([], 'c1/crm/mail') };
  const planned = (ageMs: number, holder: 'claims' | 'unknown' | 'leaving' = 'claims') => {
    const creationTimestamp = new Date(NOW.getTime() - ageMs).toISOString();
    return planQueue(queueObject({}, { creationTimestamp }), observed(theirs, { holder }), NOW);
  };

  it.each(['claims', 'unknown'] as const)('waits for two minutes, and conflicts then: %s', (holder) => {
    const waits = planned(30_000, holder);
    expect(waits.problem).toMatchObject({
      reason: 'WaitingForOwner',
      message: expect.stringMatching(/^Queue crm\/mail governs .*two minutes after its creation/) as string,
    });
    expect(waits.dueMs).toBe(90_000);
    expect(waits.steps).toMatchObject([{ kind: 'leaveClaim' }]);
    const conflicts = planned(120_000, holder);
    expect([conflicts.problem?.reason, conflicts.dueMs]).toEqual(['Conflict', undefined]);
  });

  it('does not wait by a clock that is an hour ahead', () => {
    expect([planned(-10_000).dueMs, planned(-3_600_000).problem?.reason]).toEqual([130_000, 'Conflict']);
  });

  it('takes it over at once when that one is being deleted', () => {
    expect(planned(0, 'leaving').problem).toBeUndefined();
  });
});

it('Refuse leaves a queue that exists alone, takes a new one, and keeps what it has taken', () => {
  expect(refuse({ exists: true, clientVersion: 'bullmq:6.7.0' })).toMatchObject({
    steps: [],
    problem: { reason: 'QueueExists', message: expect.stringContaining('bullmq:6.7.0') },
  });
  expect(refuse({ exists: false })).toMatchObject({ steps: [{ kind: 'claim' }] });
  expect(refuse({ exists: true, rawOwnerMark: markOf([]) })).toEqual({
    steps: [],
    governs: true,
    rawOwnerMark: markOf([]),
  });
});

describe('Refuse after Redis lost its data, when producers are back before us', () => {
  const redisAddress = 'redis:6379';
  const effective = { name: 'emails', prefix: 'bull', redisAddress };
  const planned = (policy: Partial<ObservedPolicy>, status: QueueStatus, spec: QueueSpec = {}): unknown => {
    const queue = queueObject({ adoptionPolicy: 'Refuse', ...spec }, {}, status);
    const { steps, problem } = planQueue(
      queue,
      observed({ exists: true, ...policy }, { redisAddress, holder: 'gone' }),
      NOW,
    );
    return problem?.reason ?? steps.map(({ kind }) => kind);
  };

  it('takes the queue again that was ours, and sets its limits', () => {
    expect(planned({}, { adoptedAt: ADOPTED_AT, effective }, limit)).toEqual(['claim', 'setRateLimit']);
    const { redisAddress: _, ...ofAnEarlierRelease } = effective;
    expect(planned({}, { adoptedAt: ADOPTED_AT, effective: ofAnEarlierRelease })).toEqual(['claim']);
  });

  it.each<[string, Partial<ObservedPolicy>, QueueStatus]>([
    ['was never ours', {}, { effective }],
    ['is on another Redis now', {}, { adoptedAt: ADOPTED_AT, effective: { ...effective, redisAddress: 'new:6379' } }],
    ['was marked by another since', { rawOwnerMark: markOf([], 'c1/crm/mail') }, { adoptedAt: ADOPTED_AT, effective }],
  ])('leaves a queue alone that %s', (_, policy, status) => {
    expect(planned(policy, status)).toBe('QueueExists');
  });
});

describe('a removal that was begun and given up', () => {
  const removal = { fence: 'other', paused: true };

  it.each<[string, QueueSpec, QueueStep['kind'][]]>([
    ['is undone: its pause is lifted', {}, ['claim', 'resume', 'release']],
    ['is undone where the spec wants no pause', { paused: false }, ['claim', 'resume']],
    ['leaves the pause that the spec wants', { paused: true }, ['claim']],
  ])('%s', (_, spec, expected) => {
    const ours = observed({ rawOwnerMark: markOf([], undefined, removal), exists: true, paused: true });
    const theirs = observed({
      rawOwnerMark: markOf(['rateLimit'], 'c1/crm/mail', removal),
      exists: true,
      paused: true,
    });
    for (const facts of [ours, { ...theirs, holder: 'leaving' as const }]) {
      const { steps } = planQueue(queueObject(spec), facts, NOW);
      expect(steps.map(({ kind }) => kind)).toEqual(expected);
      expect(steps[0]).toMatchObject({ mark: { owner: 'c1/shop/emails' } });
      expect(steps[0]).not.toHaveProperty('mark.removal');
    }
  });

  it('is undone although the queue is not paused yet: its pause may be under way', () => {
    const mark = markOf([], undefined, removal);
    expect(kinds({}, { rawOwnerMark: mark, exists: true, paused: false })).toEqual(['claim', 'resume', 'release']);
  });

  it('leaves a pause that was there before it', () => {
    const mark = markOf([], undefined, { fence: 'other', paused: false });
    expect(kinds({}, { rawOwnerMark: mark, exists: true, paused: true })).toEqual(['claim']);
  });
});

it('nothing is planned while Redis cannot be read, or is too old', () => {
  const problem = { reason: 'RedisUnreachable' as const, message: 'no' };
  expect(planQueue(queueObject(limit), { clusterId: 'c1', fence: FENCE, claimants: [], problem }, NOW)).toEqual({
    steps: [],
    problem,
  });
  const old = observed({}, { server: { product: 'redis', version: '6.2.14', tooOld: true } });
  expect(planQueue(queueObject(limit), old, NOW)).toMatchObject({ steps: [], problem: { reason: 'RedisTooOld' } });
});

it('every step is a sentence', () => {
  const mark = { owner: 'c1/shop/emails', managed: [], adoptedAt: ADOPTED_AT };
  const steps: QueueStep[] = [
    { kind: 'addFinalizer' },
    { kind: 'claim', mark },
    { kind: 'claim', mark, from: 'crm/mail' },
    { kind: 'pause' },
    { kind: 'setRateLimit', window: { max: 5, durationMs: 500 }, was: { max: 1, durationMs: 100 } },
    { kind: 'clearRateLimit' },
    { kind: 'setGlobalConcurrency', value: 5, was: 4 },
    { kind: 'clearGlobalConcurrency' },
    { kind: 'resume' },
    { kind: 'release', mark, fields: ['rateLimit'] },
    { kind: 'beginRemoval', mark },
    { kind: 'obliterate', stopAt: 'busy' },
    { kind: 'endRemoval', mark },
    { kind: 'removeFinalizer', dataRetained: 'why' },
  ];
  expect(steps.map(describeStep)).toMatchInlineSnapshot(`
    [
      "add a finalizer that holds the object until its data is removed",
      "mark the queue as governed by this Queue",
      "take the queue over from crm/mail",
      "pause the queue",
      "set the rate limit to 5 jobs per 500 ms, from 1 jobs per 100 ms",
      "clear the rate limit",
      "set the global concurrency to 5, from 4",
      "clear the global concurrency",
      "resume the queue",
      "stop managing rateLimit",
      "mark the queue as one that is being removed",
      "remove all data of the queue from Redis",
      "mark the queue as one that stays",
      "remove the finalizer and keep the data in Redis: why",
    ]
  `);
});

const list = (owner: string) => `${owner}\nold\nbroken`;

describe('job schedulers', () => {
  const spec: QueueSpec = {
    paused: true,
    schedulers: [
      { name: 'good', every: '1h' },
      { name: 'broken', cron: '99 * * * *' },
    ],
  };
  const schedulers = { declared: declaredSchedulers(spec), states: new Map([['good', 'absent' as const]]) };

  it('are written after the claim and the pause; one that cannot run is a problem that keeps nothing from being done', () => {
    const policy = { schedulerList: list(`${CLUSTER}/shop/emails`) };
    const plan = planQueue(queueObject(spec), observed(policy, { schedulers }), NOW);
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['claim', 'pause', 'removeScheduler', 'upsertScheduler']);
    expect(plan.problem).toMatchObject({
      reason: 'SchedulerInvalid',
      message: expect.stringMatching(/^spec\.schedulers\[name=broken]\.cron: "99 \* \* \* \*"/),
    });
  });

  it('of a former owner stay, and so do all while another governs the queue', () => {
    const former = { schedulerList: list('c1/crm/mail') };
    expect(kinds({}, { rawOwnerMark: markOf([]), ...former })).toEqual([]);
    const held = { rawOwnerMark: markOf([], 'c1/crm/mail'), ...former };
    const plan = planQueue(queueObject(spec), observed(held, { schedulers, holder: 'claims' }), NOW);
    expect(plan).toMatchObject({ problem: { reason: 'Conflict' } });
    expect(plan.steps.filter(({ kind }) => kind.endsWith('Scheduler'))).toEqual([]);
  });
});
