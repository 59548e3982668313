import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '@redis-queue/rig';
import type { ScalingDecision } from '@redis-queue/scaling-bus';
import { aPool } from './testing/objects.ts';
import { TestAutoscaler } from './testing/autoscaler.ts';

// Pools at zero whose queues cannot be seen: nothing else happens to them that would make anybody look.

/** How soon people have to be told; the size of the pool cannot be trusted from the first second on. */
const REPORTED_WITHIN_MS = 30_000;
/** A few of the ticks with which a pool that cannot see its queue is decided. */
const SEVERAL_TICKS_MS = 4_000;

let scaler: TestAutoscaler;
beforeEach(async () => {
  scaler = await TestAutoscaler.start();
});
afterEach(async () => scaler[Symbol.asyncDispose]());

/** A pool at zero whose queue is left to wake-ups. */
async function atRest(): Promise<void> {
  scaler.add(aPool('workers', ['emails']));
  await scaler.run();
  await eventually(async () => (await wakeUpsArmed()) === '1', { timeoutMs: 20_000 });
  expect(scaler.of('workers').at(-1)?.heldBy).toBeUndefined();
}

const wakeUpsArmed = async (): Promise<string | undefined> =>
  (await scaler.metricRows('redis_queue_autoscaler_wake_ups_armed{'))[0]?.split(' ').at(-1);
const isHeld = (): Promise<ScalingDecision & { arrivedAtMs: number }> =>
  eventually(() => scaler.of('workers').find(({ heldBy }) => heldBy === 'SensorFailed'), { timeoutMs: 40_000 });
const isSeenAgain = (): Promise<boolean> =>
  eventually(() => scaler.of('workers').at(-1)?.heldBy === undefined, { timeoutMs: REPORTED_WITHIN_MS });

/** The hold was published, and is not published again with each decision. */
async function saidOnce(): Promise<void> {
  const end = performance.now() + SEVERAL_TICKS_MS;
  await eventually(
    () => {
      expect(scaler.of('workers').filter(({ heldBy }) => heldBy !== undefined)).toHaveLength(1);
      return performance.now() >= end;
    },
    { timeoutMs: SEVERAL_TICKS_MS + 5_000 },
  );
}

/** Rows for which the documented alert on pools that need a person fires. */
async function alerts(): Promise<string[]> {
  const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
  const [, passing] = /redis_queue_autoscaler_held\{reason!~"([^"]+)"\}/.exec(page)!;
  const pattern = new RegExp(`reason="(${passing})"`);
  const rows = await scaler.metricRows('redis_queue_autoscaler_held{');
  return rows.filter((row) => row.endsWith(' 1') && !pattern.test(row));
}

it.each<[string, end: () => unknown, begin: () => unknown]>([
  ['dies', () => scaler.redis.kill9(), () => scaler.redis.restart()],
  ['falls silent', () => process.kill(scaler.redis.pid, 'SIGSTOP'), () => process.kill(scaler.redis.pid, 'SIGCONT')],
])('whose Redis %s says so once, within seconds, and that it can be seen again', async (_, end, begin) => {
  await atRest();
  expect(await alerts()).toEqual([]);
  const gone = performance.now();
  await end();
  try {
    const held = await isHeld();
    expect(held.arrivedAtMs - gone).toBeLessThan(REPORTED_WITHIN_MS);
    expect(held.desiredReplicas).toBe(0);
    expect(await alerts()).toHaveLength(1);
    expect(await scaler.metricRows('redis_queue_autoscaler_queue_depth{')).toEqual([]);
    await eventually(async () => (await wakeUpsArmed()) === '0', { timeoutMs: REPORTED_WITHIN_MS });
    await saidOnce();
  } finally {
    await begin(); // A suspended Redis could not be stopped.
  }
  await isSeenAgain();
  expect(await alerts()).toEqual([]);
});

it('whose Queue names a Secret that the autoscaler may not read says so once, within seconds', async () => {
  await atRest();
  const changed = performance.now();
  scaler.setQueue('emails', { redis: { secretRefs: { sampler: { name: 'redis-sampler' } } } });
  const held = await isHeld();
  expect(held.arrivedAtMs - changed).toBeLessThan(REPORTED_WITHIN_MS);
  expect(held.reason).toContain('redis-sampler');
  expect(await alerts()).toHaveLength(1);
  expect(await scaler.metricRows('redis_queue_autoscaler_queue_depth{')).toEqual([]);
  expect(scaler.logLines.filter((line) => line.includes('redis-sampler'))).toEqual([
    expect.stringContaining('team/workers'),
  ]);
  await saidOnce();
  scaler.setQueue('emails', {});
  await isSeenAgain();
  await scaler.producer('emails').add('send', {});
  await eventually(() => scaler.replicas('workers') > 0);
});
