import { setTimeout as delay } from 'node:timers/promises';
import type { Queue, QueueSpec } from '@redis-queue/api';
import { formatOwnerMark, parseOwnerMark, RedisConnections, readQueuePolicy, sampleQueues } from '@redis-queue/bullmq';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { Queue as BullQueue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyPlan, type Applied } from './apply.ts';
import type { Claimant } from './ownership/claimants.ts';
import { ownerOf } from './ownership/ownership.ts';
import { planQueue } from './plan.ts';
import { DATA_FINALIZER } from './deletion/policy.ts';
import type { QueuePlan } from './steps.ts';
import { ADOPTED_AT, CLUSTER, queueObject } from './testing/queues.ts';

// Wall 4: what removes jobs checks in the same script, in every round, that it may. Producers add jobs all the while, and
// what was read is old by the time it is acted upon: controllers stop for a while between the two.

const DELETED_AT = '2026-03-04T05:00:00Z';
const SOON = new Date('2026-03-04T05:00:10Z');
const LATER = new Date('2026-03-04T05:02:00Z');

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

/** The same numbers in every run: Lehmer's generator. */
let seed = 4_711;
function random(): number {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
}
const upTo = (ms: number): Promise<void> => delay(random() * ms);

/** One Queue object, as a controller process sees it. */
class Actor {
  readonly #ref: { prefix: string; name: string };
  readonly #fence: string;
  readonly queue: Queue;
  released = false;

  constructor(name: string, namespace: string, spec: QueueSpec, { deleted = false, fence = 'leader' } = {}) {
    this.#ref = { prefix: 'bull', name };
    this.#fence = fence;
    this.queue = queueObject(spec, {
      namespace,
      name,
      finalizers: [DATA_FINALIZER],
      ...(deleted && { deletionTimestamp: DELETED_AT }),
    });
  }

  get mark(): string {
    return formatOwnerMark({ owner: ownerOf(this.queue, CLUSTER), managed: [], adoptedAt: ADOPTED_AT });
  }

  async plan(now: Date, claimants: readonly Claimant[] = []): Promise<QueuePlan> {
    const [policy, [sample]] = await Promise.all([readQueuePolicy(redis, this.#ref), sampleQueues(redis, [this.#ref])]);
    const facts = { clusterId: CLUSTER, fence: this.#fence, claimants, policy, holder: 'leaving' as const };
    return planQueue(this.queue, { ...facts, ...(sample && { sample }) }, now);
  }

  async apply(plan: QueuePlan): Promise<Applied> {
    const applyFinalizer = ({ kind }: { kind: string }): Promise<void> => {
      this.released ||= kind === 'removeFinalizer';
      return Promise.resolve();
    };
    return await applyPlan(this.queue, this.#ref, plan, { write: (write) => write(redis), applyFinalizer });
  }

  /** Plans and carries out until its finalizer is gone. @returns what each reconcile did */
  async leave(now: Date): Promise<string[]> {
    const reconciles: string[] = [];
    while (!this.released) {
      const plan = await this.plan(now);
      await upTo(3);
      const { done, problem } = await this.apply(plan);
      reconciles.push(problem?.reason ?? done.map(({ kind }) => kind).join());
    }
    return reconciles;
  }
}

/** Adds jobs with ids of its own, 250 per second, until it is stopped. */
class Producer {
  readonly added: string[] = [];
  seconds = 0;
  readonly #queue: BullQueue;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(name: string, afterMs: number) {
    this.#queue = new BullQueue(name, { connection: redis, skipMetasUpdate: true });
    this.#running = this.#run(afterMs);
  }

  async #run(afterMs: number): Promise<void> {
    await delay(afterMs);
    const from = performance.now();
    while (!this.#stop.signal.aborted) {
      const due = (performance.now() - from) / 4 + 1;
      while (this.added.length < due) {
        const id = `job-${this.added.length}`;
        await this.#queue.add('j', {}, { jobId: id });
        this.added.push(id);
      }
      await delay(1);
    }
    this.seconds = (performance.now() - from) / 1_000;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

const waiting = async (name: string): Promise<Set<string>> => new Set(await redis.lrange(`bull:${name}:wait`, 0, -1));

async function givenQueue(name: string, mark: string, jobs: number): Promise<void> {
  await redis.hset(`bull:${name}:meta`, 'redis-queue:owner', mark);
  const ids = Array.from({ length: jobs }, (_, index) => `old-${index}`);
  if (ids.length > 0) await redis.rpush(`bull:${name}:wait`, ...ids);
}

const missingOf = (wanted: Iterable<string>, found: ReadonlySet<string>): string[] =>
  [...wanted].filter((id) => !found.has(id));

interface Ledger {
  readonly outcomes: string[];
  /** Protected jobs that were removed all the same. */
  readonly missing: string[];
  added: number;
  seconds: number;
}
const newLedger = (): Ledger => ({ outcomes: [], missing: [], added: 0, seconds: 0 });

function count(ledger: Ledger, { added, seconds }: Producer): void {
  ledger.added += added.length;
  ledger.seconds += seconds;
}

function report(title: string, rounds: number, { outcomes, missing, added, seconds }: Ledger): void {
  const counts = Object.entries(Object.groupBy(outcomes, (outcome) => outcome));
  const shares = counts.map(([outcome, all]) => `${all?.length} × ${outcome}`);
  process.stdout.write(
    `${title}: ${[`${rounds} rounds`, ...shares].join(', ')}; ${added} jobs added meanwhile, ${Math.round(added / seconds)} per second; ` +
      `${missing.length} protected jobs removed\n`,
  );
}

it('DeleteIfEmpty, while producers begin to add jobs: none is removed', async () => {
  const ledger = newLedger();
  const rounds = 70;
  for (let round = 0; round < rounds; round++) {
    const name = `empty-${round}`;
    const actor = new Actor(name, 'shop', { deletionPolicy: 'DeleteIfEmpty' }, { deleted: true });
    await givenQueue(name, actor.mark, 0);
    await redis.zadd(`bull:${name}:completed`, ...Array.from({ length: 1_200 }, (_, i) => [i, `done-${i}`]).flat());
    const producer = new Producer(name, random() * (round % 2 === 0 ? 8 : 60));
    const reconciles = await actor.leave(LATER);
    await upTo(10);
    await producer.stop();
    count(ledger, producer);
    ledger.missing.push(...missingOf(producer.added, await waiting(name)));
    const isRetained = reconciles.at(-1)?.includes('obliterate') === false;
    ledger.outcomes.push(
      isRetained
        ? reconciles.length > 1
          ? 'retained, jobs came during the removal'
          : 'retained'
        : 'removed when empty',
    );
  }
  report('DeleteIfEmpty', rounds, ledger);
  expect(ledger.missing).toEqual([]);
  expect(new Set(ledger.outcomes).size).toBeGreaterThan(1);
});

it('Delete, and another Queue that claims the data in time: nothing is removed', async () => {
  const ledger = newLedger();
  const rounds = 30;
  for (let round = 0; round < rounds; round++) {
    const name = `heir-${round}`;
    const leaving = new Actor(name, 'shop', { deletionPolicy: 'Delete' }, { deleted: true });
    await givenQueue(name, leaving.mark, 1_200);
    const producer = new Producer(name, 0);
    expect((await leaving.plan(SOON)).problem?.reason).toBe('DeletionDelayed');
    const heir = new Actor(name, 'crm', {});
    const inherits = (async () => {
      await upTo(10);
      await heir.apply(await heir.plan(SOON));
    })();
    await inherits;
    expect(await leaving.leave(LATER)).toEqual(['removeFinalizer']);
    await producer.stop();
    count(ledger, producer);
    const old = Array.from({ length: 1_200 }, (_, index) => `old-${index}`);
    ledger.missing.push(...missingOf([...old, ...producer.added], await waiting(name)));
  }
  report('Delete with an heir in time', rounds, ledger);
  expect(ledger.missing).toEqual([]);
});

it('a take-over in the midst of a removal: what is there when the mark changes stays', async () => {
  const ledger = newLedger();
  const rounds = 50;
  for (let round = 0; round < rounds; round++) {
    const name = `taken-${round}`;
    const leaving = new Actor(name, 'shop', { deletionPolicy: 'Delete' }, { deleted: true });
    await givenQueue(name, leaving.mark, 4_000);
    const producer = new Producer(name, 0);
    const heir = new Actor(name, 'crm', { globalConcurrency: 3 });
    const takesOver = (async () => {
      await upTo(25);
      let claimed: Applied;
      do claimed = await heir.apply(await heir.plan(LATER));
      while (claimed.problem);
      return await waiting(name);
    })();
    const leaves = leaving.leave(LATER);
    const protectedJobs = await takesOver;
    await leaves;
    await upTo(5);
    await producer.stop();
    count(ledger, producer);
    ledger.missing.push(...missingOf(protectedJobs, await waiting(name)));
    const left = [...protectedJobs].filter((id) => id.startsWith('old')).length;
    ledger.outcomes.push(
      left === 4_000 ? 'before the first round' : left > 0 ? 'between two rounds' : 'after the last round',
    );
    const { paused, rawOwnerMark } = await readQueuePolicy(redis, { prefix: 'bull', name });
    expect(paused, 'the pause of the removal is lifted').toBe(false);
    expect(parseOwnerMark(rawOwnerMark)).toMatchObject({
      owner: `${CLUSTER}/crm/${name}`,
      managed: ['globalConcurrency'],
    });
  }
  report('take-over', rounds, ledger);
  expect(ledger.missing).toEqual([]);
  expect(new Set(ledger.outcomes).size).toBeGreaterThan(1);
});

it('a former leader that wakes up, while the new one keeps the data: it removes nothing more', async () => {
  const ledger = newLedger();
  const rounds = 50;
  for (let round = 0; round < rounds; round++) {
    const name = `former-${round}`;
    const spec = { deletionPolicy: 'Delete' } as const;
    const former = new Actor(name, 'shop', spec, { deleted: true, fence: 'former' });
    await givenQueue(name, former.mark, 3_000);
    const producer = new Producer(name, 0);
    // Suspended between the mark of its removal and the removal itself: it knows the mark that is stored.
    const stopped = await former.plan(LATER);
    const [begin, ...rest] = stopped.steps;
    await former.apply({ ...stopped, steps: [begin!] });
    const asMarked = (await readQueuePolicy(redis, { prefix: 'bull', name })).rawOwnerMark;
    // The new leader removes for a while, or not at all; then somebody sets Retain and creates the object anew.
    const removes = round % 2 === 0;
    const leader = new Actor(name, 'shop', spec, { deleted: true, fence: 'new' });
    const keeps = (async () => {
      if (removes) {
        const plan = await leader.plan(LATER);
        await leader.apply({ ...plan, steps: plan.steps.filter(({ kind }) => kind === 'beginRemoval') });
      }
      const retained = new Actor(name, 'shop', {}, { deleted: true, fence: 'new' });
      await retained.leave(LATER);
      const recreated = new Actor(name, 'shop', {}, { fence: 'new' });
      await recreated.apply(await recreated.plan(LATER));
      return await waiting(name);
    })();
    await upTo(6);
    const woken = former.apply({ ...stopped, steps: rest, ...(asMarked !== undefined && { rawOwnerMark: asMarked }) });
    const protectedJobs = await keeps;
    const { problem } = await woken;
    await upTo(5);
    await producer.stop();
    count(ledger, producer);
    ledger.missing.push(...missingOf(protectedJobs, await waiting(name)));
    ledger.outcomes.push(problem?.reason ?? 'was faster');
  }
  report('former leader', rounds, ledger);
  expect(ledger.missing).toEqual([]);
  expect(ledger.outcomes).toContain('OwnershipLost');
});

it('a pause that a former leader still sends, at whatever step the new one keeps the data, does not stay', async () => {
  for (const [at, wakes] of ['before', 'after the mark', 'after the resume', 'at the end'].entries()) {
    const name = `late-pause-${at}`;
    const former = new Actor(name, 'shop', { deletionPolicy: 'Delete' }, { deleted: true, fence: 'former' });
    await givenQueue(name, former.mark, 3);
    const stopped = await former.plan(LATER);
    expect(stopped.steps.map(({ kind }) => kind).slice(0, 2)).toEqual(['beginRemoval', 'pause']);
    await former.apply({ ...stopped, steps: stopped.steps.slice(0, 1) });
    const rawOwnerMark = (await readQueuePolicy(redis, { prefix: 'bull', name })).rawOwnerMark!;
    const retained = new Actor(name, 'shop', {}, { deleted: true, fence: 'new' });
    const plan = await retained.plan(LATER);
    let mark = plan.rawOwnerMark!;
    for (const [index, step] of plan.steps.entries()) {
      if (index === at) await former.apply({ steps: stopped.steps.slice(1, 2), rawOwnerMark });
      expect(await retained.apply({ steps: [step], rawOwnerMark: mark })).not.toHaveProperty('problem');
      if ('mark' in step) mark = formatOwnerMark(step.mark);
    }
    const { paused, rawOwnerMark: left } = await readQueuePolicy(redis, { prefix: 'bull', name });
    expect(paused, `woken ${wakes}`).toBe(false);
    expect(parseOwnerMark(left)).not.toHaveProperty('removal');
    expect((await waiting(name)).size).toBe(3);
  }
});
