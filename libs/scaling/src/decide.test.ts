import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wholeReplicas } from './behavior.ts';
import { decide } from './decide.ts';
import { aLoad, anObservation, aPool, IN_AFTER_A_MINUTE, OUT_AT_ONCE } from './fixtures.ts';
import type { Decision, PoolObservation, PoolSpecView, QueueLoad } from './model/types.ts';
import { initialState } from './policy-state.ts';
import { sizePool } from './size.ts';

/** A pool whose size follows every decision, decided once a second. */
class FollowingPool {
  nowMs = 0;
  replicas: number;
  changes: { atMs: number; from: number; to: number }[] = [];
  readonly pool: PoolSpecView;
  #state = initialState(0);

  constructor(replicas: number, pool: PoolSpecView = aPool()) {
    this.replicas = replicas;
    this.pool = pool;
  }

  tick(
    loads: QueueLoad[] | ((nowMs: number) => QueueLoad[]),
    seconds = 1,
    more: Partial<PoolObservation> = {},
  ): Decision {
    let last: Decision | undefined;
    for (let second = 0; second < seconds; second++) {
      this.nowMs += 1_000;
      const queues =
        typeof loads === 'function' ? loads(this.nowMs) : loads.map((load) => ({ ...load, sampledAtMs: this.nowMs }));
      last = this.decide({ ...anObservation(this.replicas, ...queues), ...more });
    }
    return last!;
  }

  decide(observation: PoolObservation): Decision {
    const { decision, state } = decide(this.pool, this.#state, observation, this.nowMs);
    this.#state = state;
    if (decision.desired !== this.replicas)
      this.changes.push({ atMs: this.nowMs, from: this.replicas, to: decision.desired });
    this.replicas = decision.desired;
    return decision;
  }
}

const unseen = { queue: 'emails', unseen: 'SensorFailed', message: 'Redis cannot be reached' } as const;

const toLoad = ({
  arrivalRate,
  serviceTimeMs,
  ...counts
}: { arrivalRate: number; serviceTimeMs: number } & Partial<QueueLoad>) =>
  aLoad({ ...counts, estimates: { arrivalRate, serviceTimeMs } });

/** A load that comes steadily, of jobs of a second. */
const steadyFlow = (active: number, arrivalRate = active) => [
  aLoad({ active, estimates: { arrivalRate, arrivalMemoryMs: 43_281 } }),
];

describe('growing', () => {
  it('takes the final size in one step, at once, from zero', () => {
    const pool = new FollowingPool(0);
    expect(pool.tick([aLoad({ ready: 3_000, estimates: { serviceTimeMs: 800 } })]).desired).toBe(73);
  });

  it('says why in a sentence with the numbers', () => {
    const { reason } = new FollowingPool(0).tick([aLoad({ ready: 3_000, estimates: { serviceTimeMs: 800 } })]);
    expect(reason).toBe(
      '73 replicas: 3,000 jobs wait; at 800 ms per job, 73 pods with 10 slots each start them within 5 s.',
    );
  });

  it('stops at maxReplicas and says so', () => {
    const decision = new FollowingPool(0, aPool({ maxReplicas: 5 })).tick([aLoad({ ready: 3_000 })]);
    expect(decision).toMatchObject({ desired: 5, safetyLimitHit: true });
    expect(decision.reason).toContain('maxReplicas allows 5 of 86');
  });

  it('is limited by step policies as HPA v2 limits it', () => {
    const scaleUp = {
      ...OUT_AT_ONCE,
      policies: [
        { type: 'Percent', value: 100, periodMs: 15_000 },
        { type: 'Pods', value: 4, periodMs: 15_000 },
      ],
    } as const;
    const pool = new FollowingPool(1, aPool({ scaleUp }));
    const sizes = Array.from({ length: 50 }, () => pool.tick([aLoad({ ready: 100_000 })]).desired);
    expect([...new Set(sizes)]).toEqual([5, 10, 20, 40]);
    expect(pool.tick([aLoad({ ready: 100_000 })])).toMatchObject({ heldBy: 'StepLimit' });
  });

  it('leaves zero although a percentage of nothing is nothing', () => {
    const scaleUp = { ...OUT_AT_ONCE, policies: [{ type: 'Percent', value: 50, periodMs: 15_000 }] } as const;
    expect(new FollowingPool(0, aPool({ scaleUp })).tick([aLoad({ ready: 1_000 })]).desired).toBe(1);
  });

  it('waits for the scale-up window when one is asked for', () => {
    const pool = new FollowingPool(1, aPool({ scaleUp: { ...OUT_AT_ONCE, stabilizationWindowMs: 10_000 } }));
    pool.tick([aLoad({ active: 5 })], 5);
    expect(pool.tick([aLoad({ ready: 1_000 })], 9)).toMatchObject({ desired: 1, heldBy: 'StabilizationWindow' });
    expect(pool.tick([aLoad({ ready: 1_000 })], 3).desired).toBe(29);
  });

  it('does not happen while most jobs fail, but the first pod always starts', () => {
    const failing = aLoad({ ready: 3_000, estimates: { errorRate: 0.9, finishedJobs: 100 } });
    expect(new FollowingPool(3).tick([failing])).toMatchObject({ desired: 3, heldBy: 'JobsFailing' });
    expect(new FollowingPool(0).tick([failing])).toMatchObject({ desired: 1, heldBy: 'JobsFailing' });
  });

  it.each([
    [{ quotaExhausted: true }, 'QuotaExhausted', 'the namespace admits no more pods'],
    [{ redisSaturated: true }, 'RedisSaturated', 'Redis'],
    [{ failingPods: 2 }, 'PodsFailing', '2 pods of the pool, which are most of it, crash or cannot start'],
  ])('does not happen while pods cannot come or work: %j', (blocked, heldBy, words) => {
    const decision = new FollowingPool(3).tick([aLoad({ ready: 3_000 })], 1, blocked);
    expect(decision).toMatchObject({ desired: 3, heldBy });
    expect(decision.reason).toContain(words);
  });

  it('goes on while a node may be starting for pods that have no room, and again after each that has come', () => {
    const pool = new FollowingPool(3);
    const grow = (unschedulablePods: number, seconds: number, ready = 3_000) =>
      pool.tick([aLoad({ ready })], seconds, { unschedulablePods });
    expect(grow(1, 1).desired).toBe(86);
    grow(40, 200);
    expect(grow(30, 200, 6_000).desired).toBeGreaterThan(100 - 1);
    const held = new FollowingPool(3);
    held.tick([aLoad({ ready: 10, active: 20 })], 301, { unschedulablePods: 1 });
    const decision = held.tick([aLoad({ ready: 3_000 })], 1, { unschedulablePods: 1 });
    expect(decision).toMatchObject({ desired: 3, heldBy: 'Unschedulable' });
    expect(decision.reason).toContain('1 pod of the pool cannot be scheduled');
  });

  it('is made for any difference once the next job has waited for half of the target', () => {
    const line = { ready: 1, active: 40, estimates: { serviceTimeMs: 600_000 } };
    expect(new FollowingPool(4).tick([aLoad({ ...line, headAgeMs: 2_400 })], 5).desired).toBe(4);
    expect(new FollowingPool(4).tick([aLoad({ ...line, headAgeMs: 2_600 })], 5).desired).toBe(5);
    // one of forty slots will be free within a second
    const soonFree = { ...line, headAgeMs: 2_600, estimates: { serviceTimeMs: 30_000 } };
    expect(new FollowingPool(4).tick([aLoad(soonFree)], 5).desired).toBe(4);
  });

  it('is for the line that there will be, while pods wait for a node', () => {
    const growing = [aLoad({ ready: 100, active: 30, estimates: { arrivalRate: 40, arrivalMemoryMs: 43_281 } })];
    const now = new FollowingPool(3, aPool({ maxReplicas: 1_000 })).tick(growing).desired;
    const later = new FollowingPool(3, aPool({ maxReplicas: 1_000 })).tick(growing, 1, {
      unschedulablePods: 1,
    }).desired;
    expect(later).toBeGreaterThan(3 * now);
  });

  it('goes on for as long as nodes of that cluster take to start', () => {
    const held = [
      { seconds: 61, nodeStartMs: 60_000 },
      { seconds: 59, nodeStartMs: 60_000 },
      { seconds: 301, nodeStartMs: 900_000 },
    ].map(({ seconds, nodeStartMs }) => {
      const pool = new FollowingPool(3);
      pool.tick([aLoad({ ready: 10, active: 20 })], seconds, { unschedulablePods: 1, nodeStartMs });
      return pool.tick([aLoad({ ready: 3_000 })], 1, { unschedulablePods: 1, nodeStartMs }).heldBy;
    });
    expect(held).toEqual(['Unschedulable', undefined, undefined]);
  });

  it('goes on while a few of many pods crash, and asks for as many more', () => {
    const calm = new FollowingPool(20).tick([aLoad({ ready: 1_000 })]).desired;
    expect(new FollowingPool(20).tick([aLoad({ ready: 1_000 })], 1, { failingPods: 4 }).desired).toBe(calm + 4);
  });

  it('goes as far as Redis has connections for pods, says so, and goes on when it has more', () => {
    const pool = new FollowingPool(3);
    const grow = (connectableReplicas: number) => pool.tick([aLoad({ ready: 3_000 })], 1, { connectableReplicas });
    const decision = grow(20);
    expect(decision).toMatchObject({ desired: 20, heldBy: 'ConnectionsExhausted' });
    expect(decision.reason).toContain('maxclients');
    expect(pool.tick([aLoad({ ready: 3_000 })], 10, { connectableReplicas: 8 }).desired).toBe(20);
    expect(pool.tick([aLoad({ ready: 3_000 })], 10, { connectableReplicas: 200 }).desired).toBe(86);
    expect(new FollowingPool(0).tick([aLoad({ ready: 9 })], 1, { connectableReplicas: 0 }).desired).toBe(1);
  });

  it('waits a moment after a growth, so that one rise is answered by one change, unless twice the size is needed', () => {
    const pool = new FollowingPool(12);
    pool.tick(steadyFlow(100, 100), 60);
    const before = pool.replicas;
    expect(pool.tick(steadyFlow(130, 100)).desired).toBeGreaterThan(before);
    const grown = pool.replicas;
    expect(pool.tick(steadyFlow(150, 100)).desired).toBe(grown);
    expect(pool.tick(steadyFlow(150, 100), 3).desired).toBeGreaterThan(grown);
    expect(pool.tick(steadyFlow(600, 100)).desired).toBeGreaterThan(2 * grown);
  });

  it('does not order again the pods that are starting', () => {
    const pool = new FollowingPool(0);
    const sizes = Array.from({ length: 20 }, () => pool.tick([aLoad({ ready: 1_000 })]).desired);
    expect(new Set(sizes).size).toBe(1);
  });

  it('goes on where it stopped as soon as pods work again, and they never keep a pool from shrinking', () => {
    const pool = new FollowingPool(3);
    expect(pool.tick([aLoad({ ready: 3_000 })], 1, { failingPods: 3 }).desired).toBe(3);
    expect(pool.tick([aLoad({ ready: 3_000 })]).desired).toBeGreaterThan(3);
    const idle = new FollowingPool(3);
    expect(idle.tick([aLoad()], 90, { failingPods: 3 }).desired).toBe(0);
  });

  it('does not happen for a paused queue', () => {
    expect(new FollowingPool(0).tick([aLoad({ ready: 3_000, paused: true })], 10)).toMatchObject({ desired: 0 });
  });

  it('counts the readable queues although another one cannot be read', () => {
    const pool = new FollowingPool(2);
    pool.nowMs = 1_000;
    const decision = pool.decide(anObservation(2, unseen, aLoad({ queue: 'sms', ready: 3_000, sampledAtMs: 1_000 })));
    expect(decision.desired).toBe(86);
    expect(decision.confidence).toBe(0.5);
  });
});

describe('shrinking', () => {
  it('goes to zero a window after the last job, not before', () => {
    const pool = new FollowingPool(0);
    pool.tick([aLoad({ ready: 100 })], 5);
    expect(pool.replicas).toBe(3);
    expect(pool.tick([aLoad()], 55)).toMatchObject({ desired: 3 });
    expect(pool.tick([aLoad()], 10)).toMatchObject({
      desired: 0,
      reason: '0 replicas: nothing waits, runs or is due soon.',
    });
    expect(pool.changes).toHaveLength(2);
  });

  it('lets go of what a burst has left after its own short window, where the spec names none, and of the rest after the whole', () => {
    const pool = new FollowingPool(0, aPool({ burstWindowMs: 15_000 }));
    const flowing = { active: 20, estimates: { arrivalRate: 20, arrivalMemoryMs: 43_281 } };
    pool.tick([aLoad(flowing)], 90);
    const before = pool.replicas;
    pool.tick([aLoad({ ...flowing, ready: 1_000 })], 5);
    expect(pool.replicas).toBeGreaterThan(4 * before);
    pool.tick([aLoad(flowing)], 14);
    expect(pool.replicas).toBeGreaterThan(4 * before);
    pool.tick([aLoad(flowing)], 4);
    expect(pool.replicas).toBe(before);
  });

  it.each([
    { pods: 'many', from: 20, asked: 17, to: 19, named: false, afterS: 40 },
    { pods: 'few', from: 3, asked: 1, to: 2, named: false, afterS: 60 },
    { pods: 'many, with a window that the spec names,', from: 20, asked: 17, to: 19, named: true, afterS: 60 },
    { pods: 'many, to zero,', from: 10, asked: 0, to: 0, named: false, afterS: 60 },
  ])('of $pods waits until fewer were enough for $afterS s', ({ from, asked, to, named, afterS }) => {
    const pool = new FollowingPool(from, aPool(named ? {} : { burstWindowMs: 15_000 }));
    const asksFor = (pods: number): QueueLoad[] => [
      aLoad({ active: pods * pool.pool.concurrency, estimates: { serviceTimeMs: 60_000 } }),
    ];
    pool.tick(asksFor(from), 90);
    pool.tick(asksFor(asked), afterS - 1);
    expect(pool.changes).toEqual([]);
    pool.tick(asksFor(asked), 12);
    expect(pool.changes).toMatchObject([{ from, to }]);
  });

  it.each(['ready', 'active', 'dueSoon'] as const)('never reaches zero while a job is %s', (state) => {
    const pool = new FollowingPool(3);
    expect(pool.tick([aLoad({ [state]: 1 })], 300).desired).toBe(1);
  });

  it('never happens while a larger size was wanted within the stabilisation window, whatever the load did', () => {
    const spell = fc.record({ ready: fc.integer({ min: 0, max: 2_000 }), seconds: fc.integer({ min: 1, max: 90 }) });
    let shrinks = 0;
    fc.assert(
      fc.property(
        fc.array(spell, { minLength: 5, maxLength: 10 }),
        fc.integer({ min: 10, max: 60 }),
        (spells, window) => {
          const scaleDown = { ...IN_AFTER_A_MINUTE, stabilizationWindowMs: window * 1_000 };
          const pool = new FollowingPool(10, aPool({ scaleDown }));
          const depths = spells.flatMap(({ ready, seconds }) => Array<number>(seconds).fill(ready));
          for (const ready of depths) pool.tick([aLoad({ ready })]);
          const down = pool.changes.filter(({ from, to }) => to < from);
          const tooEarly = down.filter(({ atMs, to }) => {
            const second = atMs / 1_000;
            const recent = depths.slice(Math.max(0, second - window), second);
            return recent.some((ready) => wholeReplicas(sizePool(pool.pool, [aLoad({ ready })]).demand) > to);
          });
          shrinks += down.length;
          expect(tooEarly).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
    expect(shrinks).toBeGreaterThan(10);
  });

  it('says until when it cannot happen', () => {
    const pool = new FollowingPool(0);
    pool.tick([aLoad({ ready: 100 })], 100);
    const { cooldownUntilMs } = pool.tick([aLoad()]);
    expect(cooldownUntilMs).toBe(160_000);
    while (pool.replicas > 0) pool.tick([aLoad()]);
    expect(pool.nowMs).toBeGreaterThan(cooldownUntilMs!);
    expect(pool.nowMs).toBeLessThanOrEqual(cooldownUntilMs! + 2_000);
  });

  it('is held while the waits are over the target', () => {
    const pool = new FollowingPool(10);
    expect(pool.tick([aLoad({ ready: 5, headAgeMs: 9_000 })], 120)).toMatchObject({
      desired: 10,
      heldBy: 'WaitOverTarget',
    });
  });

  it('is not held by the waits of a queue that cannot use the pods: a limit that was lowered', () => {
    const limited = { ready: 20_000, active: 2, headAgeMs: 600_000, rateLimitPerSecond: 2 };
    expect(new FollowingPool(50).tick([aLoad({ ...limited, estimates: { arrivalRate: 5 } })], 120).desired).toBe(1);
  });

  const longJobs = aLoad({ active: 40, estimates: { serviceTimeMs: 3_600_000 } });

  it('leaves the pods that run jobs which may outlast the drain', () => {
    const pool = new FollowingPool(30);
    const decision = pool.tick([longJobs], 120, { busyPods: 28 });
    expect(decision).toMatchObject({ desired: 28, heldBy: 'LongJobs' });
    expect(decision.reason).toContain('those pods run jobs that may take longer than the 10 min of maxDrainTime');
    expect(pool.tick([longJobs], 120, { busyPods: 9 }).desired).toBe(9);
    expect(pool.tick([aLoad()], 120, { busyPods: 0 }).desired).toBe(0);
  });

  it('waits until it is known which pods run jobs that may outlast the drain', () => {
    const decision = new FollowingPool(30).tick([longJobs], 120);
    expect(decision).toMatchObject({ desired: 30, heldBy: 'LongJobs' });
    expect(decision.reason).toContain('it is not known which pods run some');
  });

  it.each([
    ['jobs that are done within the drain', { serviceTimeMs: 60_000, longestServiceMs: 240_000 }, 5],
    ['short jobs of which one took longer than the drain', { serviceTimeMs: 60_000, longestServiceMs: 700_000 }, 40],
    ['jobs that are four times as long as usual, if not more', { serviceTimeMs: 160_000 }, 40],
  ])('goes by how long jobs may run: %s', (_, estimates, desired) => {
    expect(new FollowingPool(50).tick([aLoad({ active: 40, estimates })], 120, { busyPods: 40 }).desired).toBe(desired);
  });

  it('is held while jobs wait of which nothing is known: no pod has taken one yet', () => {
    const unknown = { ...aLoad({ ready: 5, headAgeMs: 900 }), estimates: { newArrivals: 0 } };
    const held = new FollowingPool(10).tick([unknown], 120);
    expect(held).toMatchObject({ desired: 10, heldBy: 'LowConfidence', confidence: 0.3 });
    expect(new FollowingPool(10).tick([{ ...unknown, paused: true }], 120)).toMatchObject({ desired: 0 });
  });

  it('is limited by step policies', () => {
    const scaleDown = { ...IN_AFTER_A_MINUTE, policies: [{ type: 'Pods', value: 2, periodMs: 60_000 }] } as const;
    const pool = new FollowingPool(10, aPool({ scaleDown }));
    pool.tick([aLoad()], 240);
    expect(pool.changes.map(({ to }) => to)).toEqual([8, 6, 4]);
  });

  it('can be disabled', () => {
    const pool = new FollowingPool(10, aPool({ scaleDown: { ...IN_AFTER_A_MINUTE, selectPolicy: 'Disabled' } }));
    expect(pool.tick([aLoad()], 300)).toMatchObject({ desired: 10, heldBy: 'Disabled' });
  });

  it('is not made for less than the tolerance: a change of a twentieth costs more than it saves', () => {
    const pool = new FollowingPool(100, aPool({ maxReplicas: 200 }));
    expect(pool.tick(steadyFlow(950), 300)).toMatchObject({ desired: 100 });
    expect(pool.tick(steadyFlow(850), 300).desired).toBeLessThan(90);
  });

  it('obeys a lowered maxReplicas at once: bounds are the user’s', () => {
    expect(new FollowingPool(10, aPool({ maxReplicas: 4 })).tick([aLoad()]).desired).toBe(4);
  });
});

describe('missing data', () => {
  const gaps: [string, QueueLoad[] | ((nowMs: number) => QueueLoad[]), string][] = [
    ['a queue cannot be read', [unseen as unknown as QueueLoad], 'SensorFailed'],
    ['a Queue does not exist', [{ ...unseen, unseen: 'QueueMissing' } as unknown as QueueLoad], 'QueueMissing'],
    ['samples stop', () => [aLoad({ sampledAtMs: 0 })], 'StaleData'],
  ];

  it.each(gaps)('never shrinks a pool: %s', (_, loads, heldBy) => {
    const pool = new FollowingPool(7);
    pool.nowMs = 60_000;
    expect(pool.tick(loads, 600)).toMatchObject({ desired: 7, heldBy, confidence: 0 });
  });

  it.each([
    ['a pool at zero', 0],
    ['a pool at its smallest size', 2],
  ])('is a hold also where the size stays: %s', (_, replicas) => {
    const pool = aPool({ minReplicas: replicas });
    for (const heldBy of ['SensorFailed', 'QueueMissing']) {
      const queue = { ...unseen, unseen: heldBy } as unknown as QueueLoad;
      const under = new FollowingPool(replicas, pool);
      expect(under.tick([aLoad()], 120).heldBy).toBeUndefined();
      const decision = under.tick([queue]);
      expect(decision).toMatchObject({ desired: replicas, heldBy });
      expect(decision.reason).toContain(unseen.message);
      expect(under.tick([aLoad()]).heldBy).toBeUndefined();
    }
  });

  it('is a hold while the pool grows for the queues that are seen', () => {
    const seen = aLoad({ queue: 'sms', ready: 100 });
    const decision = new FollowingPool(0).tick([seen, unseen as unknown as QueueLoad]);
    expect(decision.desired).toBeGreaterThan(0);
    expect(decision.heldBy).toBe('SensorFailed');
  });

  it('is not that the queue of a pool at zero was idle when it was last sampled', () => {
    expect(new FollowingPool(0).tick(() => [aLoad({ sampledAtMs: 0 })], 60).heldBy).toBeUndefined();
  });

  it('leaves no shrink waiting for the moment the data is back', () => {
    const pool = new FollowingPool(7);
    pool.tick([aLoad({ active: 70 })], 120);
    pool.tick([unseen as unknown as QueueLoad], 120);
    expect(pool.tick([aLoad()], 55).desired).toBe(7);
    expect(pool.tick([aLoad()], 10).desired).toBe(0);
  });

  it('holds the size after a restart until a window of history is there', () => {
    const pool = new FollowingPool(20);
    expect(pool.tick([aLoad()], 59)).toMatchObject({ desired: 20, heldBy: 'NoHistory' });
    expect(pool.tick([aLoad()], 5).desired).toBe(0);
  });

  it('holds the size after a gap in which nobody decided', () => {
    const pool = new FollowingPool(20);
    pool.tick([aLoad({ active: 200 })], 120);
    pool.nowMs += 300_000;
    expect(pool.tick([aLoad()], 30)).toMatchObject({ desired: 20, heldBy: 'NoHistory' });
  });

  it('never shrinks, whatever else is observed with it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 5_000 }), (replicas, ready) => {
        const pool = new FollowingPool(replicas);
        const decision = pool.tick(
          (nowMs) => [unseen as unknown as QueueLoad, aLoad({ queue: 'sms', ready, sampledAtMs: nowMs })],
          120,
        );
        expect(decision.desired).toBeGreaterThanOrEqual(replicas);
      }),
      { numRuns: 50 },
    );
  });
});

// The deadline is for a machine that does other things too.
describe('every decision', { timeout: 60_000 }, () => {
  const load = fc.record({
    ready: fc.integer({ min: 0, max: 100_000 }),
    active: fc.integer({ min: 0, max: 5_000 }),
    dueSoon: fc.integer({ min: 0, max: 5_000 }),
    paused: fc.boolean(),
    arrivalRate: fc.double({ min: 0, max: 1_000, noNaN: true }),
    serviceTimeMs: fc.integer({ min: 1, max: 600_000 }),
  });
  const bounds = fc.record({
    minReplicas: fc.integer({ min: 0, max: 20 }),
    span: fc.integer({ min: 1, max: 200 }),
    concurrency: fc.integer({ min: 1, max: 100 }),
  });
  it('lies within the bounds', () => {
    fc.assert(
      fc.property(
        fc.array(load, { maxLength: 30 }),
        bounds,
        fc.integer({ min: 0, max: 300 }),
        (loads, { minReplicas, span, concurrency }, start) => {
          const spec = aPool({ minReplicas, maxReplicas: minReplicas + span, concurrency });
          const pool = new FollowingPool(start, spec);
          for (const next of loads) {
            const { desired } = pool.tick([toLoad(next)]);
            expect(desired).toBeGreaterThanOrEqual(spec.minReplicas);
            expect(desired).toBeLessThanOrEqual(spec.maxReplicas);
          }
        },
      ),
    );
  });

  it('is a fixed point: the pool that follows it stays there under the same load', () => {
    fc.assert(
      fc.property(load, fc.integer({ min: 0, max: 100 }), (next, start) => {
        const pool = new FollowingPool(start);
        pool.tick([toLoad(next)], 200);
        const settled = pool.replicas;
        expect(pool.tick([toLoad(next)], 200).desired).toBe(settled);
        expect(pool.changes.length).toBeLessThanOrEqual(2);
      }),
      { numRuns: 60 },
    );
  });

  it('has a reason that fits into a status and names no more than the pool’s queues', () => {
    fc.assert(
      fc.property(fc.array(load, { minLength: 1, maxLength: 32 }), fc.integer({ min: 0, max: 100 }), (loads, start) => {
        const decision = new FollowingPool(start).tick(
          loads.map((next, index) => ({ ...toLoad(next), queue: `queue-${index}` })),
        );
        expect(decision.reason.length).toBeLessThan(1_000);
        expect(decision.reason).not.toMatch(/NaN|undefined|Infinity/);
        expect(decision.signals).toHaveLength(loads.length);
      }),
    );
  });

  it('keeps its memory bounded over a day of noise', () => {
    const spec = aPool({ scaleDown: { ...IN_AFTER_A_MINUTE, stabilizationWindowMs: 3_600_000 } });
    let state = initialState(0);
    for (let second = 1; second < 20_000; second++) {
      const ready = (second * 7_919) % 5_000;
      ({ state } = decide(
        spec,
        state,
        anObservation(5, aLoad({ ready, sampledAtMs: second * 1_000 })),
        second * 1_000,
      ));
    }
    expect(state.highs.length + state.lows.length + state.changes.length).toBeLessThan(210);
  });
});
