import { APP_NAMES } from '@redis-queue/api';
import { killPod } from '@redis-queue/rig/pods';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBurst } from './demo/burst.ts';
import { shortcomings } from './demo/result.ts';
import { imbalances } from './ledger/balance.ts';
import { DEMO_BURST, type BurstSize } from './ledger/plan.ts';
import { withRedis } from './site/site.ts';
import { createTeam, type Team } from './team.ts';

let team: Team;

beforeAll(async () => {
  team = await createTeam('burst');
  await team.install('redis-queue', { 'crds.enabled': 'false' });
  await team.applyExamples();
  await team.condition('workerpools.redis-queue.io/email-workers', 'Ready', 'True');
});

afterAll(async () => {
  await team[Symbol.asyncDispose]();
});

const burst = (size: BurstSize, meanwhile?: () => Promise<void>) =>
  runBurst({
    cluster: team.cluster,
    site: team.site,
    queue: 'emails',
    pool: 'email-workers',
    size,
    ...(meanwhile ? { meanwhile } : {}),
  });

describe('a burst of 3,000 jobs', () => {
  it('takes the pool from 0 to many pods and back, with every job accounted for', async () => {
    const { ledger, course } = await burst(DEMO_BURST);
    expect(shortcomings(ledger, course)).toEqual([]);
    expect(ledger).toMatchObject({ added: 3_000, completed: 3_000 - DEMO_BURST.failing, failed: DEMO_BURST.failing });
  });

  it('loses no job when every controller and a worker are killed in the middle of it', async () => {
    const { ledger } = await burst({ ...DEMO_BURST, failing: 0 }, async () => {
      await expect.poll(() => team.pods('redis-queue.io/pool=email-workers'), { timeout: 60_000 }).not.toEqual([]);
      for (const app of APP_NAMES.toReversed()) {
        for (const pod of await team.pods(`app.kubernetes.io/name=${app}`)) {
          await killPod(team.cluster, team.site.namespace, pod);
        }
      }
      // A ready one: of the others some have not started yet, or have ended.
      const [worker] = await team.readyPods('redis-queue.io/pool=email-workers');
      await killPod(team.cluster, team.site.namespace, worker!);
    });
    // a killed worker's jobs run again: at least once
    expect(imbalances(ledger, { atLeastOnce: true })).toEqual([]);
    expect(ledger.restarts).toBeGreaterThan(DEMO_BURST.retried);
  });

  it('leaves no trace of a password in logs, events, status or metrics', async () => {
    const seen = [
      await team.kubectl(
        'get',
        'queues.redis-queue.io,workerpools.redis-queue.io,deployments,pods,events',
        '-o',
        'yaml',
      ),
    ];
    for (const pod of await team.readyPods('app.kubernetes.io/part-of=redis-queue')) {
      seen.push(await team.kubectl('logs', pod), await team.kubectl('get', '--raw', metricsOf(pod)));
    }
    expect(seen.length).toBeGreaterThan(6);
    expect(team.site.passwords).toHaveLength(8);
    for (const form of team.site.passwords.flatMap((each) => [each, Buffer.from(each).toString('base64')])) {
      expect(seen.filter((text) => text.includes(form))).toEqual([]);
    }
  });
});

describe('a Redis user per role', () => {
  it('keeps a worker from the bus', async () => {
    await expect(withRedis(team.cluster, team.site, 'worker', forgeDecision)).rejects.toThrow(/NOPERM/);
  });

  it("keeps the autoscaler and the workerpool-controller from the queue-controller's Secret", async () => {
    expect(await readAs('queue-controller', 'redis-controller')).toMatch('secret/redis-controller');
    expect(await readAs('autoscaler', 'redis-sampler')).toMatch('secret/redis-sampler');
    for (const app of ['autoscaler', 'workerpool-controller']) {
      await expect(readAs(app, 'redis-controller')).rejects.toThrow(/forbidden/i);
    }
    await expect(readAs('autoscaler', 'redis-worker')).rejects.toThrow(/forbidden/i);
    await expect(readAs('queue-controller', 'redis-queue-bus')).rejects.toThrow(/forbidden/i);
  });
});

const forgeDecision = async (redis: Redis): Promise<number> =>
  await redis.lpush('redis-queue:scaling-decisions:wait', '1');

/** What kubectl says of the Secret to that controller. */
async function readAs(app: string, secret: string): Promise<string> {
  const account = `system:serviceaccount:${team.site.namespace}:redis-queue-${app}`;
  return await team.kubectl('get', 'secret', secret, `--as=${account}`, '-o=name');
}

function metricsOf(pod: string): string {
  return `/api/v1/namespaces/${team.site.namespace}/pods/${pod}:8080/proxy/metrics`;
}
