import type { QueueRedriveReason } from '@redis-queue/api';
import { OWNER_FIELD, readRedriveState, RedisConnections } from '@redis-queue/bullmq';
import { createLog, type KindContext } from '@redis-queue/controller';
import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyRedrive, type RedriveTools } from './apply.ts';
import { RedriveMetrics } from './metrics.ts';
import { planRedrive } from './plan.ts';
import { Positions } from './positions.ts';
import type { RedriveObject } from './redrives.ts';
import type { ObservedRedrive, RedriveProgress } from './steps.ts';
import { MARK, NOW, observedPlace, OWNER, redriveObject } from './testing.fixture.ts';

// Walls 1 and 4: what one reconcile does, by a real Redis. It has a bound, and what may not be written is not.

const connections = new RedisConnections();
let server: RedisServer;
let redis: ReturnType<RedisConnections['get']>;
beforeAll(async () => {
  server = await startRedis();
  redis = connections.get(server);
});
afterAll(async () => {
  connections.close();
  await server.stop();
});

/** A controller that has just started. */
class Process {
  readonly positions = new Positions();
  leads = true;
  /** Called between what is read and what is written. */
  meanwhile: () => Promise<unknown> = () => Promise.resolve();
  /** The server that has the queue. */
  redis = redis;
  readonly #queue: string;
  readonly #abort = new AbortController();

  constructor(queue: string) {
    this.#queue = queue;
  }

  stop(): void {
    this.#abort.abort(new Error('stopped'));
  }

  /** One reconcile, up to its status. */
  async reconcile(redrive: RedriveObject): Promise<{ problem?: string; progress?: RedriveProgress; failed: boolean }> {
    const ref = { prefix: 'bull', name: this.#queue };
    const { place } = observedPlace({}, { spec: { name: this.#queue } });
    const state = await readRedriveState(this.redis, ref, redrive.metadata.uid!);
    const observed: ObservedRedrive = { place: { ...place!, access: { ...place!.access, targetKey: 'r' }, state } };
    const plan = planRedrive(redrive, observed, () => OWNER, NOW);
    await this.meanwhile();
    const tools = {
      sources: {
        callOf: () => (call) => call(this.redis),
        problemOf: (error: unknown) => ({ problem: { reason: 'RedisError', message: String(error) } }),
        assertLeading: () => {
          if (!this.leads) throw new Error('another leads');
        },
      } as Partial<RedriveTools['sources']> as RedriveTools['sources'],
      positions: this.positions,
      metrics: new RedriveMetrics(new Registry()),
      // However busy the machine is, a reconcile makes as many calls as it may.
      elapsedMs: () => 0,
    };
    const context = {
      signal: this.#abort.signal,
      log: createLog({ name: 'test', level: 'silent' }),
    } as Partial<KindContext<QueueRedriveReason>> as KindContext<QueueRedriveReason>;
    const applied = await applyRedrive(redrive, { observed, plan }, context, tools);
    return {
      ...(applied.problem && { problem: applied.problem.reason }),
      ...(applied.observed?.progress && { progress: applied.observed.progress }),
      failed: applied.failure !== undefined,
    };
  }
}

/** Dead letters of a queue that its Queue governs; every other is named `odd`. */
async function putLetters(queue: string, count: number): Promise<void> {
  const pipeline = redis.pipeline().hset(`bull:${queue}:meta`, OWNER_FIELD, MARK);
  for (let n = 0; n < count; n++) {
    const id = `${queue}.j${n}.${1_000 + n}`;
    const fields = { name: n % 2 ? 'odd' : 'even', data: '{}', opts: '{}', failedReason: 'no', finishedOn: 1_000 + n };
    pipeline.hset(`bull:${queue}-dlq:${id}`, { ...fields, 'redis-queue:origin': `j${n}` });
    pipeline.zadd(`bull:${queue}-dlq:failed`, 1_000 + n, id);
  }
  await pipeline.exec();
}
const left = (queue: string): Promise<number> => redis.zcard(`bull:${queue}-dlq:failed`);
const counted = (matched: number, spec: Parameters<typeof redriveObject>[0] = {}): RedriveObject =>
  redriveObject({ maxJobsPerSecond: 10_000, ...spec }, { matched, lettersUntil: '2026-01-01T00:00:00.000Z' });

it('a reconcile reads and moves so much, says that it goes on, and rests', async () => {
  await putLetters('bound', 2_500);
  const running = new Process('bound');
  const first = await running.reconcile(redriveObject());
  expect(first).toMatchObject({ problem: 'Counting', progress: { ended: false } });
  expect(first.progress!.waitMs).toBeGreaterThanOrEqual(20);
  expect(first.progress!.matched).toBeUndefined();
  await running.reconcile(redriveObject());
  expect((await running.reconcile(redriveObject())).progress).toMatchObject({ matched: 2_500, redriven: 0 });
  expect(await left('bound')).toBe(2_500);

  const moved = await running.reconcile(counted(2_500));
  expect(moved).toMatchObject({ problem: 'Redriving', progress: { redriven: 1_000, ended: false } });
  expect(moved.progress!.waitMs).toBeGreaterThanOrEqual(20);
  expect(await left('bound')).toBe(1_500);
});

it('a process that has just started counts and moves again from the oldest, and comes to the same end', async () => {
  await putLetters('anew', 1_500);
  const filter = { filter: { jobName: 'odd' } };
  await new Process('anew').reconcile(redriveObject(filter));
  const second = new Process('anew');
  await second.reconcile(redriveObject(filter));
  expect((await second.reconcile(redriveObject(filter))).progress).toMatchObject({ matched: 750 });
  await new Process('anew').reconcile(counted(750, filter));
  expect(await left('anew')).toBe(1_000);
  // Its status is lost as well: what is back counts, and is not counted again.
  const third = new Process('anew');
  expect((await third.reconcile(redriveObject(filter))).progress).toMatchObject({ matched: 750, redriven: 500 });
  expect((await third.reconcile(counted(750, filter))).progress).toMatchObject({ redriven: 750, ended: true });
  const ids = await redis.lrange('bull:anew:wait', 0, -1);
  expect([ids.length, new Set(ids).size]).toEqual([750, 750]);
});

it('nothing is put back under another owner mark, by who no longer leads, or by a reconcile that was given up', async () => {
  await putLetters('fenced', 5);
  const slow = new Process('fenced');
  slow.meanwhile = () => redis.hset('bull:fenced:meta', OWNER_FIELD, '{"v":1,"owner":"c1/crm/mail","managed":[]}');
  expect(await slow.reconcile(counted(5))).toMatchObject({ problem: 'OwnershipLost', progress: { ended: false } });
  await redis.hset('bull:fenced:meta', OWNER_FIELD, MARK);
  slow.meanwhile = () => redis.hset('bull:fenced-dlq:meta', OWNER_FIELD, 'somebody');
  expect(await slow.reconcile(counted(5))).toMatchObject({ problem: 'OwnershipLost' });
  await redis.hdel('bull:fenced-dlq:meta', OWNER_FIELD);

  const former = new Process('fenced');
  former.leads = false;
  expect(await former.reconcile(counted(5))).toMatchObject({ problem: 'RedisError' });
  const stopped = new Process('fenced');
  stopped.stop();
  expect((await stopped.reconcile(counted(5))).failed).toBe(true);
  expect(await left('fenced')).toBe(5);
  expect((await new Process('fenced').reconcile(counted(5))).progress).toMatchObject({ redriven: 5, ended: true });
});

it('after a failover that lost the last steps, a process begins at the oldest letter again', async () => {
  await using server2 = await startRedis();
  const replica = connections.get(server2);
  await putLetters('failover', 2_500);
  await replica.replicaof(server.host, server.port);
  const filter = { filter: { jobName: 'odd' } };
  const running = new Process('failover');
  expect((await running.reconcile(counted(1_250, filter))).progress).toMatchObject({ redriven: 500 });
  await eventually(async () => (await replica.llen('bull:failover:wait')) === 500);
  await replica.replicaof('NO', 'ONE');
  expect((await running.reconcile(counted(1_250, filter))).progress).toMatchObject({ redriven: 1_000 });
  running.redis = replica;
  let last: RedriveProgress | undefined;
  for (let reconciles = 0; reconciles < 5 && !last?.ended; reconciles++)
    last = (await running.reconcile(counted(1_250, filter))).progress;
  expect(last).toMatchObject({ redriven: 1_250, ended: true });
  const ids = await replica.lrange('bull:failover:wait', 0, -1);
  expect([ids.length, new Set(ids).size]).toEqual([1_250, 1_250]);
});
