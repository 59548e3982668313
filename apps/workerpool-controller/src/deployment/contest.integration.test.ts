import { DEPLOYMENTS, keyOf, type Resource } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyStep } from '../apply.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { planPool } from '../plan.ts';
import { judgeDecision } from '../size/judge.ts';
import { testCluster, type TestCluster } from '../testing/cluster.ts';
import { aDecision, someQueues } from '../testing/objects.ts';
import { statusOf } from '../testing/statuses.ts';
import { NO_CONFIG } from './config.ts';
import { liveReplicas } from './replicas.ts';
import { applySize } from './write.ts';

// Others that write the size, against a real API server with its managed fields, over days of simulated time. What
// survives from one look to the next is what the API server stores, and the status.

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

const MINUTE_MS = 60_000;
const HPA = 'kube-controller-manager';
const START_MS = Date.parse('2026-01-01T00:00:00Z');

interface Write {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
}

/** A controller that forgets everything after each look at a pool, and a clock. */
class Course {
  readonly writes: Write[] = [];
  nowMs = START_MS;
  pool: PoolObject;

  constructor(pool: PoolObject) {
    this.pool = pool;
  }

  async size(): Promise<number> {
    return liveReplicas((await t.deployment(this.pool))!);
  }

  contested(): string | undefined {
    return this.pool.status?.conditions?.find(({ type }) => type === 'ReplicasContested')?.message;
  }

  /** One reconcile; somebody may write the Deployment between read and write: then again, as the controller does. */
  async reconcile(): Promise<void> {
    await eventually(async () => {
      let deployment = await t.deployment(this.pool);
      const plan = planPool(this.pool, {
        deployment,
        budget: await t.budget(this.pool),
        config: NO_CONFIG,
        queues: someQueues,
        busConfigured: true,
        inTheWay: () => '',
        nowMs: this.nowMs,
      });
      for (const step of plan.steps) {
        const before = deployment;
        deployment = await applyStep(t.client, step, before);
        if (step.kind === 'scale' && before) this.#note(before, step.replicas);
      }
      const status = statusOf(this.pool, { deployment, contest: plan.contest }, new Date(this.nowMs));
      this.pool = { ...this.pool, status };
      return true;
    });
  }

  /** A decision of the autoscaler. @returns whether it was acted on */
  async decide(desiredReplicas: number): Promise<boolean> {
    return await eventually(async () => {
      const deployment = (await t.deployment(this.pool))!;
      const epoch = this.nowMs;
      const { namespace = '', name, uid = '', generation = 0 } = this.pool.metadata;
      const pool = { namespace, name, uid, generation };
      const decision = aDecision({ pool, epoch, currentReplicas: -1, desiredReplicas });
      const scene = { pool: this.pool, deployment, seen: undefined, busNowMs: epoch, nowMs: epoch };
      const verdict = judgeDecision(decision, scene);
      if (verdict.kind !== 'scale') return 'none';
      await applySize(t.client, deployment, { ...verdict, replicas: verdict.to }, { force: true });
      this.#note(deployment, verdict.to);
      return 'done';
    }).then((done) => done === 'done');
  }

  annotate(text: string): void {
    const annotations = { ...this.pool.metadata.annotations, 'redis-queue.io/take-over-replicas': text };
    this.pool = { ...this.pool, metadata: { ...this.pool.metadata, annotations } };
  }

  /** Another's plain write, as the API server notes it. */
  async write(replicas: number, fieldManager: string): Promise<void> {
    if ((await this.size()) === replicas) return;
    const options = { subresource: 'scale', fieldManager } as const;
    await t.client.mergePatch(DEPLOYMENTS, keyOf(this.pool), { spec: { replicas } }, options);
  }

  #note(deployment: Deployment, to: number): void {
    this.writes.push({ atMs: this.nowMs, from: liveReplicas(deployment), to });
  }
}

async function courseOf(name: string, spec: Parameters<TestCluster['pool']>[2]): Promise<Course> {
  const course = new Course(await t.pool(await t.namespace(), name, spec));
  await course.reconcile();
  course.writes.length = 0;
  return course;
}

/** Two days in which an autoscaler holds the size between `least` and `most`, and comes back at every change. */
async function contend(course: Course, least: number, most: number, also?: () => Promise<unknown>): Promise<void> {
  for (let look = 0; look < 48; look++) {
    const wanted = least + ((look * 7) % (most - least + 1));
    await course.write(wanted, HPA);
    await course.reconcile();
    await also?.();
    course.nowMs += 60 * MINUTE_MS;
  }
}

const shrinks = ({ writes }: Course): Write[] => writes.filter(({ from, to }) => to < from);
/** Between our writes there are growing pauses, of a day in the end. */
const MOST_WRITES = 10;

describe('an autoscaler that comes back at every change', () => {
  it.concurrent('is left alone where it wants more pods than spec.replicas, and named', async () => {
    const course = await courseOf('more', { replicas: 1 });
    await contend(course, 10, 14);
    expect(course.writes).toEqual([]);
    expect(course.contested()).toMatch(/written by kube-controller-manager; the pool is only made larger/);
  });

  it.concurrent('is overruled ever more rarely where it wants fewer', async () => {
    const course = await courseOf('fewer', { replicas: 9 });
    await contend(course, 2, 5);
    expect(shrinks(course)).toEqual([]);
    expect(course.writes.length).toBeGreaterThan(3);
    expect(course.writes.length).toBeLessThanOrEqual(MOST_WRITES);
    const pauses = course.writes.map(({ atMs }, n) => atMs - (course.writes[n - 1]?.atMs ?? START_MS)).slice(1);
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
  });

  it.concurrent(
    'is not shrunk by decisions below what it wants, and overruled ever more rarely by those that grow',
    async () => {
      const course = await courseOf('decided', { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 60 } });
      await course.decide(8);
      course.writes.length = 0;
      let look = 0;
      await contend(course, 4, 12, async () => await course.decide(look++ % 3 === 0 ? 20 : 1));
      // What it had before was 4 or more.
      expect(course.writes.filter(({ to }) => to < 4)).toEqual([]);
      const raised = course.writes.filter(({ from, to }) => to > from);
      expect(raised.length).toBeGreaterThan(0);
      expect(raised.length).toBeLessThanOrEqual(MOST_WRITES);
    },
  );

  it.concurrent('gives the size back by the command that the condition names', async () => {
    const course = await courseOf('given-back', { replicas: 3 });
    await course.write(20, HPA);
    await course.reconcile();
    course.nowMs += 24 * 60 * MINUTE_MS;
    await course.reconcile();
    expect(await course.size()).toBe(20);
    const [, command = ''] = /give the size back: kubectl (.*)$/.exec(course.contested() ?? '') ?? [];
    await t.controlPlane.kubectl(...command.split(' '));
    await course.reconcile();
    expect([await course.size(), course.contested()]).toEqual([3, undefined]);
  });

  it.concurrent.each([
    ['spec.replicas applies', { replicas: 3 }, 3],
    ['decisions go on from it', { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 60 } }, 20],
  ] as const)('gives it back when the pool is annotated: %s; each text counts once', async (why, spec, size) => {
    const course = await courseOf(`taken-over-${size}`, spec);
    await course.write(20, HPA);
    await course.reconcile();
    expect(course.contested()).toMatch(/annotate the WorkerPool with redis-queue.io\/take-over-replicas/);
    course.annotate('first');
    await course.reconcile();
    expect(await course.size()).toBe(20);
    await course.reconcile();
    expect([await course.size(), course.contested()]).toEqual([size, undefined]);
    // It was not gone: a fight is not what somebody asked for.
    await course.write(30, HPA);
    for (let look = 0; look < 3; look++) await course.reconcile();
    expect([await course.size(), course.contested()]).toEqual([30, expect.stringContaining(HPA) as string]);
    course.annotate('second');
    await course.reconcile();
    await course.reconcile();
    expect([await course.size(), course.contested(), why]).toEqual([size === 3 ? 3 : 30, undefined, why]);
    const decided = await course.decide(5);
    expect([decided, await course.size()]).toEqual(size === 3 ? [false, 3] : [true, 5]);
  });

  it.concurrent('gives it back when the API server no longer names it as an owner', async () => {
    const course = await courseOf('disowned', { replicas: 3 });
    await course.write(20, HPA);
    await course.reconcile();
    const patch = { metadata: { managedFields: [{}] } } as unknown as Partial<Resource>;
    await t.client.mergePatch(DEPLOYMENTS, keyOf(course.pool), patch);
    await course.reconcile();
    expect([await course.size(), course.contested()]).toEqual([3, undefined]);
  });
});

describe('a person who runs kubectl scale on the Deployment', () => {
  it.concurrent('once is set back after five minutes, and the second time not', async () => {
    const course = await courseOf('person', { replicas: 3 });
    await course.write(9, 'kubectl');
    await course.reconcile();
    expect(course.contested()).toMatch(/written by kubectl; left alone until .*, then set back/);
    course.nowMs += 6 * MINUTE_MS;
    await course.reconcile();
    expect([await course.size(), course.contested()]).toEqual([3, undefined]);

    course.nowMs += MINUTE_MS;
    await course.write(9, 'kubectl');
    await course.reconcile();
    course.nowMs += 24 * 60 * MINUTE_MS;
    await course.reconcile();
    expect(await course.size()).toBe(9);
    expect(course.contested()).toMatch(/only made larger/);
  });

  it.concurrent('months later is set back again', async () => {
    const course = await courseOf('months', { replicas: 3 });
    for (const size of [9, 1]) {
      await course.write(size, 'kubectl');
      await course.reconcile();
      course.nowMs += 6 * MINUTE_MS;
      await course.reconcile();
      expect(await course.size()).toBe(3);
      course.nowMs += 60 * 24 * 60 * MINUTE_MS;
    }
  });
});
