import { randomBytes } from 'node:crypto';
import { eventually } from '@redis-queue/rig';
import { forward } from '@redis-queue/rig/pods';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imbalances } from './ledger/balance.ts';
import { DEMO_BURST, planBurst } from './ledger/plan.ts';
import { createProducer } from './ledger/producer.ts';
import { createTeam, type Team } from './team.ts';

let team: Team;
beforeEach(async () => {
  team = await createTeam('rollout');
});
afterEach(async () => {
  await team[Symbol.asyncDispose]();
});

const POOL = 'workerpools.redis-queue.io/email-workers';
const PODS = 'redis-queue.io/pool=email-workers';
const SLOW = { timeoutMs: 120_000, intervalMs: 500 };
/** About a minute of work for two pods of four jobs each, so that jobs run the whole time. */
const STEADY = { ...DEMO_BURST, plain: 300, bulk: 400, prioritized: 100, failing: 0, meanSendMs: 450 };

interface PoolStatus {
  conditions?: { type: string; status: string; reason: string; message: string }[];
  currentVersion?: string;
  replicas?: number;
  readyReplicas?: number;
  rollout?: { version: string; phase: string };
  blockedReplicas?: Record<string, number>;
}

const patch = async (spec: object): Promise<void> =>
  void (await team.kubectl('patch', POOL, '--type=merge', '-p', JSON.stringify({ spec })));
const status = async (): Promise<PoolStatus> =>
  (JSON.parse(await team.kubectl('get', POOL, '-o', 'json')) as { status: PoolStatus }).status;
const ready = async () => (await status()).conditions?.find(({ type }) => type === 'Ready');

describe('a version that cannot start', () => {
  it('is reported and rolled back while the old pods go on working, and no job is lost', async () => {
    await team.install('workerpool-controller', { 'bus.enabled': 'false' });
    const rollout = { autoRollback: true, progressDeadline: '30s' };
    await team.applyExamples({ replicas: 2, concurrency: 4, autoscaling: null, rollout });
    await team.condition(POOL, 'Ready', 'True');
    const { currentVersion: good } = await status();
    const before = (await team.readyPods(PODS)).toSorted();

    const tunnel = await forward(team.cluster, team.site.namespace, 'service/redis', 6379);
    const producer = createProducer(team.site.url('producer', tunnel.port), 'emails');
    try {
      await producer.add(planBurst(randomBytes(4).toString('hex'), STEADY, Math.random));
      await patch({ version: 'no-such-tag' });
      const blocked = await eventually(async () => {
        const now = await status();
        return now.blockedReplicas && now;
      }, SLOW);
      expect(blocked).toMatchObject({
        currentVersion: good,
        readyReplicas: 2,
        blockedReplicas: { imageFailing: 1 },
        rollout: { version: 'no-such-tag', phase: 'Progressing' },
      });
      expect(blocked.conditions?.find(({ type }) => type === 'PodsBlocked')?.reason).toBe('ImageFailing');

      await eventually(async () => (await status()).rollout?.phase === 'RolledBack', SLOW);
      const said = await ready();
      expect(said).toMatchObject({ status: 'False', reason: 'RolledBack' });
      expect(said?.message).toMatch(/Version no-such-tag was rolled back, .* within 30s/);
      await eventually(async () => (await status()).replicas === 2, SLOW);
      expect((await status()).blockedReplicas).toBeUndefined();
      expect((await team.readyPods(PODS)).toSorted()).toEqual(before);

      await eventually(async () => {
        const { added, ended } = await producer.ended();
        if (ended < added) throw new Error(`${ended} of ${added} jobs have ended`);
        return true;
      }, SLOW);
      const balance = await producer.balance();
      expect(imbalances(balance)).toEqual([]);
      expect(balance.restarts).toBe(STEADY.retried);
    } finally {
      producer.close();
      tunnel.close();
    }

    // The way out that the message names: a version that works.
    await patch({ version: good });
    await team.condition(POOL, 'Ready', 'True');
    expect((await status()).rollout).toBeUndefined();
    const events = await team.kubectl('get', 'events', '-o=jsonpath={.items[*].reason}');
    for (const reason of ['ImageFailing', 'RolledBack']) expect(events).toContain(reason);
  });
});
