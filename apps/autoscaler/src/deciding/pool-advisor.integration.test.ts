import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { eventually } from '@redis-queue/rig';
import { SCHEMA_VERSION } from '@redis-queue/scaling-bus';
import { aPool } from '../testing/objects.ts';
import { TestAutoscaler } from '../testing/autoscaler.ts';

const MINUTE = 60_000;
const PATIENCE = { timeoutMs: 60_000 };
const SOON = { readEveryMs: 100, enough: { podMs: 5 * MINUTE, busyPodMs: 5 * MINUTE, spanMs: 2 * MINUTE } };

/** Two pods that report what libs/worker would, each time of the last two and a half minutes. */
function reportingPods(redis: Redis): (report?: object) => Promise<void> {
  return async (over = {}) => {
    const report = {
      periodMs: 150_000,
      slots: 10,
      busy: 9.5,
      cpu: 0.1,
      memory: 1e8,
      eventLoop: 0.12,
      jobs: 30,
      runMs: 9e3,
    };
    const value = `${Date.now()} ${JSON.stringify({ format: 1, version: '1', ...report, ...over })}`;
    await redis.hset('bull:emails:rq:usage:team/workers', { 'workers-a': value, 'workers-b': value });
  };
}

it('what pods report becomes advice, level and stuck handlers in the decision, also while the size stays; a restart forgets it', async () => {
  await using scaler = await TestAutoscaler.start();
  const redis = new Redis(scaler.redis.port);
  redis.on('error', () => {});
  const report = reportingPods(redis);
  scaler.add(aPool('workers', ['emails'], { minReplicas: 2 }), 2);
  await scaler.run({ advice: SOON });
  const decision = await eventually(async () => {
    await report();
    return scaler.of('workers').find(({ advice }) => advice);
  }, PATIENCE);
  expect(decision).toMatchObject({ schemaVersion: SCHEMA_VERSION, currentReplicas: 2, desiredReplicas: 2 });
  expect(decision.advice).toEqual({
    concurrency: 20,
    resources: {
      requests: { cpu: expect.stringMatching(/m$/) as string, memory: expect.any(String) as string },
      limits: { memory: expect.any(String) as string },
    },
    message: expect.stringMatching(/^Better: concurrency 20 instead of 10, /) as string,
    pods: 2,
    since: expect.any(Number) as number,
  });

  const pool = scaler.pools.get('team/workers')!;
  scaler.add(
    {
      ...pool,
      metadata: { ...pool.metadata, generation: 2 },
      spec: { ...pool.spec, resources: { requests: { memory: '4Gi' } } },
    },
    2,
  );
  const followed = await eventually(() => scaler.of('workers').find((each) => each.pool.generation === 2), PATIENCE);
  // A change of the spec changes the advice at once; the ten minutes apply to what was measured.
  expect(followed.advice?.message).toContain('requests.memory');

  const stuck = await eventually(async () => {
    await report({ stuck: 2, contract: 2 });
    return scaler.of('workers').find(({ stuckHandlers }) => stuckHandlers);
  }, PATIENCE);
  const pods = ['workers-a', 'workers-b'].map((pod) => ({ pod, handlers: 2, slots: 10 }));
  expect(stuck).toMatchObject({ stuckHandlers: pods, contractLevel: 2, desiredReplicas: 2 });
  const until = scaler.decisions.length;
  const over = await eventually(async () => {
    await report({ contract: 2 });
    return scaler.decisions.slice(until).find(({ stuckHandlers }) => !stuckHandlers);
  }, PATIENCE);
  expect(over.contractLevel).toBe(2);

  const before = scaler.decisions.length;
  await redis.flushall();
  await scaler.run({ advice: SOON });
  const anew = await eventually(
    () => scaler.decisions.slice(before).find(({ pool: { name } }) => name === 'workers'),
    PATIENCE,
  );
  expect(anew.advice).toBeUndefined();
  redis.disconnect();
});
