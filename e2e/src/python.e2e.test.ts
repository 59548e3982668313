import { randomBytes } from 'node:crypto';
import { eventually } from '@redis-queue/rig';
import { forward } from '@redis-queue/rig/pods';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bringPythonWorker } from './cluster/python-worker.ts';
import { imbalances } from './ledger/balance.ts';
import { planBurst, type BurstSize } from './ledger/plan.ts';
import { createProducer } from './ledger/producer.ts';
import { createTeam, type Team } from './team.ts';

let team: Team;

beforeAll(async () => {
  const image = await bringPythonWorker((line) => console.log(line));
  team = await createTeam('python', { redisUsers: 'one' });
  await team.install('workerpool-controller', { 'bus.enabled': 'false' });
  await team.applyExamples({
    ...image,
    replicas: 3,
    concurrency: 4,
    autoscaling: null,
    drainPolicy: { gracePeriod: '1s', maxDrainTime: '20s' },
  });
});

afterAll(async () => {
  await team[Symbol.asyncDispose]();
});

const PODS = 'redis-queue.io/pool=email-workers';
const POOL = 'workerpools.redis-queue.io/email-workers';

/** 100 jobs of 3 s on average, so that many run when pods have to leave. */
const JOBS: BurstSize = {
  plain: 40,
  bulk: 20,
  prioritized: 15,
  delayed: 10,
  lifo: 5,
  retried: 10,
  failing: 0,
  flows: 0,
  scheduled: 0,
  meanSendMs: 3_000,
};

describe('a pool of an image in Python', () => {
  it('works off what BullMQ in JavaScript adds, and loses no job when two of its three pods leave in the middle', async () => {
    await team.condition(POOL, 'Ready', 'True');
    const tunnel = await forward(team.cluster, team.site.namespace, 'service/redis', 6379);
    const producer = createProducer(team.site.url('producer', tunnel.port), 'emails');
    try {
      const ended = (count: number) => async (): Promise<boolean> => (await producer.ended()).ended >= count;
      await producer.add(planBurst(randomBytes(4).toString('hex'), JOBS, Math.random));
      await eventually(ended(15), { timeoutMs: 120_000, description: '15 jobs to end' });
      await team.kubectl('patch', POOL, '--type=merge', '-p', JSON.stringify({ spec: { replicas: 1 } }));
      await eventually(async () => (await team.pods(PODS)).length === 1, {
        timeoutMs: 60_000,
        description: 'two pods to leave',
      });
      await eventually(ended(100), { timeoutMs: 180_000, intervalMs: 500, description: 'all jobs to end' });
      const ledger = await producer.balance();
      expect(imbalances(ledger, { atLeastOnce: true })).toEqual([]);
      expect(ledger).toMatchObject({ added: 100, completed: 100, failed: 0 });
      // beyond the planned retries: jobs that the leaving pods handed back, at no attempt
      expect(ledger.restarts).toBeGreaterThan(JOBS.retried);
    } finally {
      producer.close();
      tunnel.close();
    }
  });
});
