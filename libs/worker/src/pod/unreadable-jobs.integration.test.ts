import { eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const SCHEDULER = { every: 3_600_000, immediately: true };

it('jobs that nobody can read fail with the reason, and stop nobody behind them', async () => {
  const { a } = bed.queues;
  await a.pause();
  const ids = await bed.add(a, 60, { runMs: 0 });
  const field = async (id: string, name: string): Promise<string | null> => await bed.redis.hget(a.toKey(id), name);
  const set = async (of: string[], name: string, text: string): Promise<void> => {
    for (const id of of) await bed.redis.hset(a.toKey(id), name, text);
  };
  const noData = ids.slice(0, 40);
  const noOpts = ids.slice(40, 50);
  const emptyOpts = ids.slice(50, 52);
  await set(noData, 'data', '{not json');
  await set(noOpts, 'opts', "{'attempts': 3}");
  await set(emptyOpts, 'opts', 'null');
  await set(ids.slice(52, 54), 'progress', 'half of it');
  const repeated = (await a.upsertJobScheduler('hourly', SCHEDULER, { data: { runMs: 0 } })).id!;
  await bed.redis.hset(a.toKey(repeated), 'opts', '{');
  await a.resume();

  const pod = await bed.readyPod('pod-0', PATIENT);
  await bed.untilFinished(8);
  await eventually(async () => (await a.getCompletedCount()) === 8, PATIENCE);
  await eventually(async () => (await a.getFailedCount()) === 53, PATIENCE);
  expect(await a.getJobCounts('active', 'waiting')).toEqual({ active: 0, waiting: 0 });
  expect(await field(noData[39]!, 'failedReason')).toMatch(/^the job's data in Redis cannot be read: .*JSON/);
  expect(await field(noOpts[9]!, 'failedReason')).toMatch(/^the job's opts in Redis cannot be read: .*JSON/);
  expect(await field(emptyOpts[0]!, 'failedReason')).toMatch(/they are no object/);
  expect(await field(repeated, 'failedReason')).toMatch(/^the job's opts in Redis cannot be read/);
  expect(await field(noData[0]!, 'data')).toBe('{not json');
  for (const id of [...noData, ...noOpts]) expect(await field(id, 'stc')).toBeNull();
  const { body } = await pod.get('/metrics');
  expect(body).toMatch(/^redis_queue_worker_jobs_total\{queue="a",outcome="failed"\} 53$/m);
  expect((await pod.get('/readyz')).status).toBe(200);
});
