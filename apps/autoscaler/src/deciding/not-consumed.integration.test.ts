import { eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { TestAutoscaler } from '../testing/autoscaler.ts';
import { aPool } from '../testing/objects.ts';

const PATIENCE = { timeoutMs: 90_000 };
/** The autoscaler's clock runs so many times as fast, so that its minute is not one of the test. */
const SPEED = 5;

it('tells which queue nobody consumes, beside those that are paused and limited, until a job starts', async () => {
  await using scaler = await TestAutoscaler.start();
  const names = ['emails', 'paused', 'limited'];
  scaler.add(aPool('workers', names, { minReplicas: 1, maxReplicas: 1 }), 1);
  scaler.setStatus('workers', { readyReplicas: 1 });
  const [emails, paused, limited] = names.map((name) => scaler.producer(name));
  await paused!.pause();
  // what a limit in a worker's own options, or one that a handler asks for, leaves in Redis
  await limited!.rateLimit(600_000);
  for (const queue of [emails!, paused!, limited!]) await queue.addBulk([1, 2, 3].map(() => ({ name: 'j', data: {} })));
  await scaler.run({ now: () => SPEED * performance.now() });

  const notConsumed = () => scaler.of('workers').find(({ signals }) => signals[0]?.notConsumedMs !== undefined);
  const decision = await eventually(notConsumed, PATIENCE);
  expect(decision.signals).toMatchObject([{ queue: 'emails', depth: 3, freeSlots: 10 }, { depth: 3 }, { depth: 3 }]);
  expect(decision.signals[0]!.notConsumedMs).toBeGreaterThanOrEqual(60_000);
  for (const other of decision.signals.slice(1)) expect(other).not.toHaveProperty('notConsumedMs');
  const [row, ...others] = await scaler.metricRows('redis_queue_autoscaler_queue_not_consumed_seconds');
  expect(row).toMatch(/queue="emails"} [0-9.]+$/);
  expect(others).toEqual([]);

  const until = scaler.decisions.length;
  scaler.worker('emails', () => Promise.resolve());
  const after = await eventually(() => scaler.decisions.slice(until).at(-1), PATIENCE);
  expect(after.signals[0]).not.toHaveProperty('notConsumedMs');
});
