import type { PodUsageReport, UsagePlace } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { PoolAdvisor } from './pool-advisor.ts';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { buildTopology, type Topology } from '../watching/topology.ts';

const SECOND = 1_000;

function topologyOf(count: number, over: object = {}): Topology {
  return buildTopology({
    pools: Array.from({ length: count }, (_, n) => {
      const pool = aPool(`p${n}`, ['emails']);
      return { ...pool, spec: { ...pool.spec, ...over } };
    }),
    queue: (_, name) => aQueue(name),
    secrets: secretSources(() => aSecret('redis://127.0.0.1:6379')),
  });
}

/** An advisor that reads the reports and the clock of the test. */
function anAdvisor(report: (place: UsagePlace, nowMs: number) => PodUsageReport[] | undefined) {
  const state = { nowMs: 0, reads: [] as UsagePlace[][] };
  const advisor = new PoolAdvisor({
    now: () => state.nowMs,
    read: (_, places) => {
      state.reads.push([...places]);
      const read = places.map((place) => report(place, state.nowMs));
      return Promise.resolve(read.includes(undefined) ? undefined : (read as PodUsageReport[][]));
    },
  });
  const tick = async (topology: Topology, hasPods = (): boolean => true): Promise<void> => {
    await advisor.readDue(topology.pools.values(), topology.queues, hasPods);
    state.nowMs += SECOND;
  };
  return { state, advisor, tick };
}

/** One pod whose slots are busy with jobs that wait for others. */
const idleLoop = (_: UsagePlace, nowMs: number): PodUsageReport[] =>
  [0, 1].map((n) => ({
    pod: `pod-${n}`,
    redisTimeMs: nowMs,
    version: '1',
    periodMs: 30_000,
    slots: 10,
    busy: 9,
    cpu: 0.1,
    memory: 100 * 2 ** 20,
    eventLoop: 0.1,
    jobs: 30,
    runMs: 9_000,
  }));

describe('reading', () => {
  it('asks a pool with pods once a minute, and never one without', async () => {
    const { state, tick } = anAdvisor(idleLoop);
    const topology = topologyOf(1);
    for (let second = 0; second < 181; second++) await tick(topology);
    expect(state.reads).toHaveLength(4);
    expect(state.reads[0]).toEqual([{ queue: { prefix: 'bull', name: 'emails' }, namespace: 'team', pool: 'p0' }]);
    const { state: other, tick: tickOther } = anAdvisor(idleLoop);
    for (let second = 0; second < 60; second++) await tickOther(topology, () => false);
    expect(other.reads).toEqual([]);
  });

  it('spreads thousands of pools over the seconds', async () => {
    const { state, tick } = anAdvisor(() => []);
    const topology = topologyOf(500);
    for (let second = 0; second < 60; second++) await tick(topology);
    expect(Math.max(...state.reads.map((places) => places.length))).toBe(50);
    expect(new Set(state.reads.flat().map(({ pool }) => pool)).size).toBe(500);
    expect(state.reads.flat()).toHaveLength(500);
  });

  it('asks pools whose pods report nothing only every ten minutes', async () => {
    const { state, tick } = anAdvisor(() => []);
    const topology = topologyOf(1);
    for (let second = 0; second < 3_600; second++) await tick(topology);
    expect(state.reads.length).toBeLessThan(13);
  });

  it('loses nothing when Redis cannot be read', async () => {
    let away = false;
    const { state, advisor, tick } = anAdvisor((place, nowMs) => (away ? undefined : idleLoop(place, nowMs)));
    const topology = topologyOf(1);
    for (let second = 0; second < 3_600; second++) {
      away = second > 3_000;
      await tick(topology);
    }
    expect(state.reads.length).toBeGreaterThan(55);
    expect(advisor.advice(topology.pools.get('team/p0')!)?.concurrency).toBe(20);
  });
});

describe('advice', () => {
  it('is given once enough is known, stays the same object, and follows the spec at once', async () => {
    const { advisor, tick } = anAdvisor(idleLoop);
    const topology = topologyOf(1);
    const pool = topology.pools.get('team/p0')!;
    for (let second = 0; second < 600; second++) await tick(topology);
    expect(advisor.advice(pool)).toBeUndefined();
    for (let second = 0; second < 3_000; second++) await tick(topology);
    const advice = advisor.advice(pool)!;
    expect(advice).toMatchObject({ concurrency: 20, pods: 2, sinceMs: -30_000 });
    for (let second = 0; second < 30 * 60; second++) await tick(topology);
    expect(advisor.advice(pool)).toBe(advice);
    const advised = { ...pool.advised, cpuRequest: 0.3 };
    expect(advice.resources?.requests).toHaveProperty('cpu');
    expect(advisor.advice({ ...pool, generation: 2, advised })?.resources?.requests).not.toHaveProperty('cpu');
  });

  it('begins anew with another version or concurrency, another object of the name, and after the pool is gone', async () => {
    const { advisor, tick } = anAdvisor(idleLoop);
    const topology = topologyOf(1);
    const pool = topology.pools.get('team/p0')!;
    for (let second = 0; second < 3_600; second++) await tick(topology);
    expect(advisor.advice({ ...pool, uid: 'another' })).toBeUndefined();
    const next = { ...pool, generation: 9, advised: { ...pool.advised, version: '2' } };
    expect(advisor.advice(next)).toBeUndefined();
    const larger = { ...pool, generation: 9, advised: { ...pool.advised, concurrency: 20 } };
    expect(advisor.advice(larger)).toBeUndefined();
    advisor.forget(pool);
    expect(advisor.advice(pool)).toBeUndefined();
  });
});

describe('what pods say of themselves', () => {
  it("is the least level of the contract of the pods of the spec's version, and which have handlers that are stuck", async () => {
    const said = { contract: 2, stuck: 1 };
    const { advisor, tick } = anAdvisor((place, nowMs) => {
      const [first, second] = idleLoop(place, nowMs) as [PodUsageReport, PodUsageReport];
      return [
        { ...first, ...said },
        { ...second, contract: 1 },
        { ...first, pod: 'old', version: '0', contract: 0 },
      ];
    });
    const topology = topologyOf(1);
    const pool = topology.pools.get('team/p0')!;
    expect([advisor.contractLevel(pool), advisor.stuckPods(pool)]).toEqual([undefined, undefined]);
    await tick(topology);
    expect(advisor.contractLevel(pool)).toBe(1);
    expect(advisor.stuckPods(pool)).toEqual([{ pod: 'pod-0', handlers: 1, slots: 10 }]);
    expect(advisor.contractLevel({ ...pool, advised: { ...pool.advised, version: '2' } })).toBeUndefined();
    expect(advisor.contractLevel({ ...pool, uid: 'another' })).toBeUndefined();
  });
});
