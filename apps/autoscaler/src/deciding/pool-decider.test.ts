import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { PoolObservation } from '@redis-queue/scaling';
import type { ScalingDecision } from '@redis-queue/scaling-bus';
import { EpochPublisher } from '../publishing/epoch-publisher.ts';
import type { BusyPods } from '../publishing/busy-pods.ts';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import { PoolDecider } from './pool-decider.ts';
import { buildTopology, type ScaledPool } from '../watching/topology.ts';

const pool = buildTopology({
  pools: [aPool('workers', ['emails'], { behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } })],
  queue: (_, name) => aQueue(name),
  secrets: secretSources(() => aSecret('redis://redis')),
}).pools.get('team/workers')!;

const ONE_JOB = { jobs: 1, runMs: 5_000 };

/** A decider on a clock of its own, and what it published. */
async function decider(busyPods: () => Promise<BusyPods | undefined>) {
  const clock = { nowMs: 0 };
  const bus = { unread: 0 };
  const sent: ScalingDecision[] = [];
  const channel = {
    publish: (decision: ScalingDecision) => Promise.resolve(void sent.push(decision)),
    unread: () => Promise.resolve(bus.unread),
    timeMs: () => Promise.resolve(1_000_000 + clock.nowMs),
  };
  const publisher = await EpochPublisher.begin(channel, () => clock.nowMs, 0);
  const under = new PoolDecider({
    publisher: () => publisher,
    busyPods,
    metrics: new AutoscalerMetrics(new Registry()),
    now: () => clock.nowMs,
    onPublishFailure: () => {},
    onPublished: () => {},
  });
  const decidePool = (which: ScaledPool, ready: number) => under.decide(which, observation(ready, clock.nowMs));
  const decide = (ready: number) => decidePool(pool, ready);
  /** Decides for a pool of 3 of which one job of an hour runs. */
  const decideLong = () => under.decide(pool, observation(0, clock.nowMs, { active: 1, serviceTimeMs: 3_600_000 }));
  /** Decides for an idle pool of 3 until it may shrink; the next decision shrinks it. */
  const untilItMayShrink = async () => {
    for (; clock.nowMs < 10_000; clock.nowMs += 1_000) await decide(0);
    expect(sent.map(({ desiredReplicas }) => desiredReplicas)).toEqual([3]);
  };
  return { clock, bus, sent, decide, decideLong, decidePool, untilItMayShrink };
}

function observation(
  ready: number,
  sampledAtMs: number,
  { active = 0, serviceTimeMs = 1_000 }: { active?: number; serviceTimeMs?: number } = {},
): PoolObservation {
  const estimates = { arrivalRate: 0, newArrivals: ready, serviceTimeMs, serviceTimeSource: 'finished' } as const;
  const load = { queue: 'emails', sampledAtMs, ready, active, dueSoon: 0, paused: false, share: 1, estimates };
  return { currentReplicas: 3, queues: [load] };
}

it('a size that the pool does not have yet is published every tick, and rarely while the consumer is behind', async () => {
  const { clock, bus, sent, decide } = await decider(() => Promise.resolve(undefined));
  const runUntil = async (endMs: number): Promise<number> => {
    const before = sent.length;
    for (; clock.nowMs < endMs; clock.nowMs += 1_000) await decide(4_000);
    return sent.length - before;
  };
  expect(await runUntil(5_000)).toBe(5);
  bus.unread = 1_000;
  await runUntil(6_000); // notices it
  expect(await runUntil(12_000)).toBe(0);
  expect(await runUntil(15_000)).toBe(1);
});

it('of a thousand pools that all have something to publish, the one whose size changes is published at once', async () => {
  const { sent, decidePool } = await decider(() => Promise.resolve(undefined));
  for (let n = 0; n < 999; n++) await decidePool({ ...pool, key: `team/calm-${n}` }, 0);
  expect(sent.length).toBeLessThan(300);
  await decidePool(pool, 3_000);
  expect(sent.at(-1)?.desiredReplicas).toBeGreaterThan(3);
});

it('of a namespace with a thousand pools that report, another does not wait for seconds', async () => {
  const { clock, sent, decidePool } = await decider(() => Promise.resolve(undefined));
  const rounds = async (untilMs: number): Promise<void> => {
    for (; clock.nowMs < untilMs; clock.nowMs += 1_000) {
      for (let n = 0; n < 1_000; n++) await decidePool({ ...pool, key: `noisy/calm-${n}`, namespace: 'noisy' }, 0);
      await decidePool(pool, 0);
    }
  };
  await rounds(2_000);
  expect(sent.filter((decision) => decision.pool.namespace === pool.namespace)).toHaveLength(1);
  expect(sent.filter((decision) => decision.pool.namespace === 'noisy').length).toBeGreaterThan(250);
});

it('a shrink goes out with the busy pods, and without them when they cannot be known', async () => {
  for (const busy of [{ 'workers-1-a': ONE_JOB }, undefined]) {
    const { sent, decide, untilItMayShrink } = await decider(() => Promise.resolve(busy));
    await untilItMayShrink();
    expect(await decide(0)).toBe(true);
    expect(sent.at(-1)?.desiredReplicas).toBe(0);
    expect(sent.at(-1)?.busy).toEqual(busy && { 'workers-1-a': 1 });
    expect(sent.at(-1)?.busySeconds).toEqual(busy && { 'workers-1-a': 5 });
  }
});

it('busy pods are not read while the pool does not shrink', async () => {
  let asked = 0;
  const { clock, sent, decide } = await decider(() => Promise.resolve(void asked++));
  await decide(0);
  clock.nowMs += 1_000;
  await decide(3_000);
  expect(sent.map(({ desiredReplicas }) => desiredReplicas > 3)).toEqual([false, true]);
  expect(asked).toBe(0);
});

it('a shrink that a larger size overtook while busy pods were read is not sent', async () => {
  const answer = Promise.withResolvers<BusyPods>();
  const { clock, sent, decide, untilItMayShrink } = await decider(() => answer.promise);
  await untilItMayShrink();
  const shrink = decide(0);
  clock.nowMs += 100;
  await decide(3_000);
  answer.resolve({});
  expect(await shrink).toBe(false);
  expect(sent.at(-1)?.desiredReplicas).toBeGreaterThan(3);
  expect(sent).toHaveLength(2);
});

it('a pool whose jobs may outlast a drain shrinks to the pods that run some, which are asked for now and then', async () => {
  let asked = 0;
  let busy: BusyPods | undefined;
  const { clock, sent, decideLong, untilItMayShrink } = await decider(() => {
    asked++;
    return Promise.resolve(busy);
  });
  await untilItMayShrink();
  const seconds = async (count: number): Promise<void> => {
    for (let second = 0; second < count; second++, clock.nowMs += 1_000) await decideLong();
  };
  await seconds(5);
  expect(asked).toBe(1);
  expect(sent.at(-1)).toMatchObject({ desiredReplicas: 3, heldBy: 'LongJobs' });
  busy = { 'workers-1-a': ONE_JOB };
  await seconds(2);
  expect(sent.at(-1)).toMatchObject({ desiredReplicas: 1, busy: { 'workers-1-a': 1 } });
});

it('a shrink is not sent when more pods run long jobs by then', async () => {
  const reads: BusyPods[] = [{ 'workers-1-a': ONE_JOB }, { 'workers-1-a': ONE_JOB, 'workers-1-b': ONE_JOB }];
  const { sent, decideLong, untilItMayShrink } = await decider(() => Promise.resolve(reads.shift()));
  await untilItMayShrink();
  expect(await decideLong()).toBe(false);
  expect(sent.at(-1)?.desiredReplicas).toBe(3);
});
