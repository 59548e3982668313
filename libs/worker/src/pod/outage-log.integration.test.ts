import { eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { PATIENCE, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const LOCKS = { durationMs: 20_000, renewMs: 600, searchMs: 500 };
const USAGE = { RQ_POOL: 'pool', RQ_POOL_NAMESPACE: 'team', TEST_USAGE_TIMES: '{"sampleMs":100,"reportMs":200}' };

/** Long enough for each connection to be tried, each lock to be renewed and each report to be due many times. */
const OUTAGE_MS = 8_000;

it('a pod whose Redis is away for long says so once, says why once, and says once that it is back', async () => {
  const pod = await bed.readyPod('pod-0', USAGE, LOCKS);
  const { a, b } = bed.queues;
  await bed.add(a, 2, { runMs: 1_000 });
  await bed.add(b, 1, { runMs: 12_000 });
  await bed.untilStarted(a, 2);
  await bed.untilStarted(b, 1);
  const before = pod.process.lines.length;
  await bed.server.kill9();
  const killedMs = performance.now();
  await eventually(() => performance.now() - killedMs > OUTAGE_MS, PATIENCE);
  await bed.server.restart();
  await eventually(async () => (await pod.get('/readyz')).status === 200, PATIENCE);
  await bed.untilFinished(3);
  const lines = pod.process.lines.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>);
  const [lost, ...reasons] = lines;
  const back = reasons.pop();
  expect([lost?.msg, back?.msg]).toEqual(['lost the connection to Redis; reconnecting', 'connected to Redis']);
  expect(back!.awayMs).toBeGreaterThan(OUTAGE_MS / 2);
  const errors = reasons.map(({ error }) => String(error));
  expect(errors.filter((error) => error.includes('ECONNREFUSED'))).toHaveLength(1);
  // the connections that waited may have been reset
  expect(errors.filter((error) => !/ECONNREFUSED|ECONNRESET/.test(error))).toEqual([]);
  expect(new Set(errors).size).toBe(errors.length);
});
