import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DELETION_COST_ANNOTATION } from '../kubernetes/names.ts';
import { planVictims, STARTING_MS, type VictimPod } from './victims.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

interface PodState {
  phase?: string;
  ready?: boolean;
  node?: boolean;
  cost?: string | undefined;
  ageMs?: number;
  terminating?: boolean;
}

function aPod(name: string, state: PodState = {}): VictimPod {
  const { phase = 'Running', ready = phase === 'Running', node = true, cost, ageMs = 600_000, terminating } = state;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: `uid-${name}`,
      creationTimestamp: new Date(NOW - ageMs).toISOString(),
      ...(cost !== undefined && { annotations: { [DELETION_COST_ANNOTATION]: cost } }),
      ...(terminating && { deletionTimestamp: new Date(NOW).toISOString() }),
    },
    spec: node ? { nodeName: 'node' } : {},
    status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

const plan = (pods: VictimPod[], jobs: Record<string, number>, to: number, seconds: Record<string, number> = {}) =>
  planVictims(pods, { jobs, seconds }, to, NOW);
/** Costs written, by pod. */
const costs = (pods: VictimPod[], busy: Record<string, number>, to: number, seconds?: Record<string, number>) => {
  const planned = plan(pods, busy, to, seconds);
  return planned.kind === 'choose' ? Object.fromEntries(planned.costs.map(({ pod, cost }) => [pod, cost])) : planned;
};

describe('the deletion cost', () => {
  it('is the number of active jobs, so that idle pods go first, then the least busy', () => {
    expect(costs([aPod('a'), aPod('b'), aPod('c')], { a: 3, c: 1 }, 1)).toEqual({ a: 3, c: 1 });
  });

  it('is also for how long they have run: what is lost should they outlast the drain', () => {
    const pods = [aPod('one-long'), aPod('three-short'), aPod('idle')];
    const cost = costs(pods, { 'one-long': 1, 'three-short': 3 }, 1, { 'one-long': 180, 'three-short': 6 });
    expect(cost).toEqual({ 'one-long': 181, 'three-short': 9 });
  });

  it('is written with the uid of the pod that was read', () => {
    expect(plan([aPod('a'), aPod('b')], { a: 3 }, 1)).toEqual({
      kind: 'choose',
      costs: [{ pod: 'a', uid: 'uid-a', cost: 3 }],
    });
  });

  it('is corrected where the last scale-in left another one, and left alone where it is right', () => {
    const pods = [aPod('a', { cost: '3' }), aPod('b', { cost: '5' }), aPod('c', { cost: '0' }), aPod('d')];
    expect(costs(pods, { a: 3, d: 2 }, 2)).toEqual({ b: 0, d: 2 });
  });

  it('of a minute ago is as good: what is written before the API server falls behind need not be written again', () => {
    const pods = [aPod('idle'), aPod('a', { cost: '11' }), aPod('b', { cost: '300' })];
    const now = { a: 70, b: 359 };
    expect(costs(pods, { a: 1, b: 1 }, 2, now)).toEqual({});
    expect(costs(pods, { a: 1, b: 1 }, 2, { a: 71, b: 360 })).toEqual({ a: 72, b: 361 });
    // Two go: one that goes may not look as busy as the one that stays.
    const near = [aPod('idle'), aPod('a', { cost: '60' }), aPod('b', { cost: '50' })];
    expect(costs(near, { a: 1, b: 1 }, 1, { a: 70, b: 80 })).toEqual({ b: 81 });
    // One that is idle now looks like it.
    expect(costs([aPod('a', { cost: '5' }), aPod('b'), aPod('c', { cost: '9' })], { c: 9 }, 1)).toEqual({ a: 0 });
  });

  it('of a text that Kubernetes does not accept counts as 0, as it does there', () => {
    expect(costs([aPod('a', { cost: '+2' }), aPod('b', { cost: '01' }), aPod('c')], { a: 2 }, 1)).toEqual({ a: 2 });
  });

  it('fits into 32 bits', () => {
    expect(costs([aPod('a'), aPod('b')], { a: 1e12 }, 1)).toEqual({ a: 2_147_483_647 });
  });

  it.each([
    ['all pods are equally busy', [aPod('a', { cost: '7' }), aPod('b')], { a: 2, b: 2 }, 1],
    ['all pods are idle', [aPod('a', { cost: '7' }), aPod('b')], {}, 1],
    ['no pod goes', [aPod('a'), aPod('b')], { a: 2 }, 2],
    ['all pods go', [aPod('a'), aPod('b')], { a: 2 }, 0],
    ['there are no pods', [], {}, 3],
  ])('is not written when it does not matter: %s', (_, pods, busy, to) => {
    expect(costs(pods, busy, to)).toEqual({});
  });

  it('is nothing to a pod that ends or has ended, and these are not counted either', () => {
    const gone = [
      aPod('x', { terminating: true }),
      aPod('y', { phase: 'Failed' }),
      aPod('z', { phase: 'Succeeded', cost: '4' }),
    ];
    expect(costs([aPod('a'), aPod('b'), ...gone], { a: 2, x: 9 }, 2)).toEqual({});
    expect(costs([aPod('a'), aPod('b'), ...gone], { a: 2, x: 9 }, 1)).toEqual({ a: 2 });
  });

  it('does not take names that objects have by nature for busy pods', () => {
    expect(costs([aPod('constructor'), aPod('b')], { b: 1 }, 1)).toEqual({ b: 1 });
  });
});

describe('a pod that works before it is ready', () => {
  const starting = aPod('starting', { ready: false, ageMs: 3_000 });

  it('holds the shrink up while a pod that is less busy would stay in its place', () => {
    const planned = plan([aPod('idle'), starting, aPod('busy')], { starting: 2, busy: 4 }, 2);
    expect(planned).toMatchObject({ kind: 'postpone', message: expect.stringContaining('pod starting runs 2 jobs') });
  });

  it('holds nothing up when it is the least busy anyway', () => {
    expect(plan([starting, aPod('busy')], { starting: 1, busy: 4 }, 1).kind).toBe('choose');
    expect(plan([starting, aPod('idle')], {}, 1).kind).toBe('choose');
  });

  it('holds nothing up once it is too old to be starting', () => {
    const ill = aPod('ill', { ready: false, ageMs: STARTING_MS });
    expect(plan([aPod('idle'), ill], { ill: 2 }, 1).kind).toBe('choose');
  });

  it('holds the shrink up also where an older one that is as busy could go as well', () => {
    const older = aPod('older', { ready: false, ageMs: STARTING_MS });
    expect(plan([older, starting, aPod('idle')], { older: 2, starting: 2 }, 2).kind).toBe('postpone');
  });

  it('holds nothing up when it stays, because others come before it', () => {
    const pending = aPod('pending', { phase: 'Pending', node: false });
    expect(plan([pending, starting, aPod('busy')], { starting: 2, busy: 4 }, 2).kind).toBe('choose');
  });
});

describe('whatever the pods', () => {
  const phases = ['Pending', 'Running', 'Unknown'];
  const podStates = fc.array(
    fc.record({
      phase: fc.constantFrom(...phases, 'Running', 'Running'),
      ready: fc.boolean(),
      node: fc.boolean(),
      cost: fc.option(fc.constantFrom('0', '1', '2', '3', '5', '90', '-3', 'x'), { nil: undefined }),
      ageMs: fc.integer({ min: 0, max: 120_000 }),
      terminating: fc.boolean(),
      jobs: fc.nat({ max: 4 }),
    }),
    { maxLength: 9 },
  );

  it('Kubernetes then takes no young or ready pod that is busier than one that stays', () => {
    fc.assert(
      fc.property(podStates, fc.nat({ max: 9 }), fc.nat(), (states, to, seed) => {
        const pods = states.map((state, n) => aPod(`p${n}`, state));
        const busy = Object.fromEntries(states.flatMap(({ jobs }, n) => (jobs > 0 ? [[`p${n}`, jobs]] : [])));
        const planned = plan(pods, busy, to);
        if (planned.kind === 'postpone') return;
        for (const { pod, cost } of planned.costs) {
          pods[Number(pod.slice(1))]!.metadata.annotations = { [DELETION_COST_ANNOTATION]: String(cost) };
        }
        const { victims, survivors } = replicaSetTakes(pods, to, seed);
        const jobsOf = ({ metadata }: VictimPod) => busy[metadata.name] ?? 0;
        const fewest = Math.min(...survivors.map(jobsOf));
        const worse = victims.filter((victim) => jobsOf(victim) > fewest);
        const mayBeTaken = worse.every(
          ({ metadata, spec, status }) =>
            NOW - Date.parse(metadata.creationTimestamp!) >= STARTING_MS &&
            !(spec?.nodeName && status?.phase === 'Running' && status.conditions?.[0]?.status === 'True'),
        );
        expect(mayBeTaken).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The order of ActivePodsWithRanks in kubernetes/pkg/controller/controller_utils.go; ties fall by `seed`. */
function replicaSetTakes(all: VictimPod[], to: number, seed: number) {
  const pods = all.filter(({ metadata }) => !metadata.deletionTimestamp);
  const order = (pod: VictimPod, n: number) => {
    const { metadata, spec, status } = pod;
    const text = metadata.annotations?.[DELETION_COST_ANNOTATION] ?? '0';
    const phase = ['Pending', 'Unknown', 'Running'].indexOf(status!.phase!);
    const ready = status!.conditions![0]!.status === 'True' ? 1 : 0;
    return [spec!.nodeName ? 1 : 0, phase, ready, Number.isNaN(Number(text)) ? 0 : Number(text), (seed >> n) & 1];
  };
  const sorted = pods
    .map((pod, n) => ({ pod, key: order(pod, n) }))
    .toSorted((a, b) => {
      const at = a.key.findIndex((part, n) => part !== b.key[n]);
      return at < 0 ? 0 : a.key[at]! - b.key[at]!;
    })
    .map(({ pod }) => pod);
  const goes = Math.max(0, sorted.length - to);
  return { victims: sorted.slice(0, goes), survivors: sorted.slice(goes) };
}
