import { APP_NAMES } from '@redis-queue/api';
import { killPod } from '@redis-queue/rig/pods';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyExamples } from '@redis-queue/rig/pods';
import { runBurst } from './demo/burst.ts';
import { shortcomings } from './demo/result.ts';
import { imbalances } from './ledger/balance.ts';
import { DEMO_BURST, type BurstSize } from './ledger/plan.ts';
import { createTeam, type Team } from './team.ts';

let team: Team;

beforeAll(async () => {
  team = await createTeam('burst');
  await team.install('redis-queue', { 'crds.enabled': 'false' });
  await applyExamples(team.cluster, team.site.namespace);
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

  it('leaves no trace of the password in logs, events, status or metrics', async () => {
    const { password } = team.site;
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
    for (const form of [password, Buffer.from(password).toString('base64')]) {
      expect(seen.filter((text) => text.includes(form))).toEqual([]);
    }
  });
});

function metricsOf(pod: string): string {
  return `/api/v1/namespaces/${team.site.namespace}/pods/${pod}:8080/proxy/metrics`;
}
