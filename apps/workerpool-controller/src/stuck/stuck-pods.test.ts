import type { KubeClient } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import type { ScalingDecision } from '@redis-queue/scaling-bus';
import { expect, it } from 'vitest';
import { trimPod, type Pod } from '../pods/pods.ts';
import { aDecision, aPool, autoscaled } from '../testing/objects.ts';
import { StuckPods } from './stuck-pods.ts';

/** A ready pod. */
function aPod(name: string, podIP: string): Pod {
  const status = { phase: 'Running', podIP, conditions: [{ type: 'Ready', status: 'True' }] };
  return trimPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name, uid: name }, status } as never);
}

/** A pool of two pods, the first of which speaks to Redis, and a clock. No pod may be replaced. */
function stage(second: string) {
  const stuck = new StuckPods({ podReplaced: () => expect.unreachable() });
  const pool = aPool({ ...autoscaled(1, 9), replaceStuck: true }) as PoolObject;
  const pods = [aPod('speaks', '10.0.0.1'), aPod(second, '10.0.0.2')];
  let nowMs = Date.parse('2026-05-06T12:00:00Z');
  const context = {
    client: {} as KubeClient,
    signal: AbortSignal.timeout(60_000),
    now: () => new Date(nowMs),
    event: () => expect.unreachable(),
  };
  const pass = (ms: number): void => void (nowMs += ms);
  return { act: (decision: ScalingDecision) => stuck.act(pool, pods, decision, context), pass };
}

it('a pod that the status cannot name in time is announced until what was known of it is old, and not for ever', async () => {
  const { act, pass } = stage('stuck');
  const decision = aDecision({ clients: { idleSeconds: { '10.0.0.1': 3, '10.0.0.2': 400 } } });
  const announced = { replacement: { pod: 'stuck' }, announced: true };
  expect(await act(decision)).toMatchObject(announced);
  pass(29_000);
  expect(await act(decision)).toMatchObject(announced);
  pass(1_000);
  expect(await act(decision)).toEqual({ problem: undefined, replacement: undefined });
});

it('a pod that had no connection before and after minutes without a decision may have had one in between', async () => {
  const { act, pass } = stage('reconnects');
  const hear = (sequence: number) => act(aDecision({ sequence, clients: { idleSeconds: { '10.0.0.1': 3 } } }));
  await hear(1);
  // The bus was out.
  pass(6 * 60_000);
  expect(await hear(2)).toEqual({ replacement: undefined });
  for (const sequence of [3, 4, 5]) {
    pass(100_000);
    await hear(sequence);
  }
  expect(await hear(6)).toMatchObject({ announced: true });
});
