import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES, type QueueSpec } from '@redis-queue/api';
import { OWNER_FIELD } from '@redis-queue/bullmq';
import { findCondition, loadKubeClient, type KubeClient } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import type { WithConditions } from '@redis-queue/rig/controllers';
import { Redis } from 'ioredis';
import { ALONE } from '../fleet/fleet.ts';
import { samplesOf } from '../measuring/prometheus.ts';
import type { Stand } from '../stand/stand.ts';
import { Fleet, redisNow } from './fleet.ts';
import { judge, NOTED_WITHIN_MS, type RunEvent, type Verdict } from './judge.ts';
import { LEDGER } from './ledger.ts';
import { prepareMembers, PRODUCERS, WORKERS, type WorkerKind } from './members.ts';

export interface CompatOptions {
  /** Jobs of each producer. */
  readonly jobs: number;
  /** In which they are added, and workers leave and are killed. */
  readonly seconds: number;
  readonly locks: { readonly durationMs: number; readonly renewMs: number; readonly searchMs: number };
  readonly print: (line: string) => void;
}

export interface CompatReport extends Verdict {
  /** Effects of each kind of worker. */
  readonly workers: Readonly<Record<WorkerKind, number>>;
  readonly producers: readonly string[];
  readonly jobs: number;
  readonly scaleIns: number;
  readonly kills: number;
  readonly pauses: number;
  /** Jobs that neither completed nor failed, in whatever list. */
  readonly stuck: number;
  /** Jobs that failed for good; none is made to. */
  readonly failed: number;
  /** Most jobs of the queue with a global concurrency that ran at once, beyond it. */
  readonly overConcurrency: number;
  /** Queues whose owner mark is another one in the end than in the beginning. */
  readonly marksChanged: number;
  /** Jobs that the controller's sampler still sees in the end, or does not know of. */
  readonly sampledWrongly: number;
  /** Workers that did not end well when they were told to. */
  readonly leftBadly: number;
}

const LIMITED = { name: 'limited', maxJobsPerSecond: 25 };
const NARROW = { name: 'narrow', globalConcurrency: 3 };
const PAUSED = 'paused';
const OPEN = 'open';
const NAMES = [LIMITED.name, NARROW.name, PAUSED, OPEN];
/** How long the queue runs between two pauses. */
const RUN_MS = 1_000;
const LOOK_MS = 20;
const ALL_DONE_MS = 120_000;
const UNFINISHED = ['wait', 'active', 'paused', 'delayed', 'prioritized', 'waiting-children'];

/**
 * Official clients and this project's pods share queues that a queue-controller governs: with a rate limit, a global
 * concurrency, and one that is paused again and again. Meanwhile each kind of worker leaves and is killed in turn.
 */
export async function runCompat(stand: Stand, options: CompatOptions): Promise<CompatReport> {
  const { jobs, seconds, locks, print } = options;
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
  const redis = new Redis(stand.redis.url, { maxRetriesPerRequest: null });
  const members = await prepareMembers({ redisUrl: stand.redis.url, queues: NAMES, locks });
  const fleet = new Fleet(members, redis);
  const ended = new AbortController();
  const governor = await stand.startApp('queue-controller', ALONE, '--sample-interval=1s');
  try {
    const [limited, narrow] = [
      { rateLimits: { maxJobsPerSecond: LIMITED.maxJobsPerSecond } },
      { globalConcurrency: NARROW.globalConcurrency },
    ];
    const specs: Record<string, QueueSpec> = {
      [LIMITED.name]: limited,
      [NARROW.name]: narrow,
      [PAUSED]: { paused: false },
      [OPEN]: {},
    };
    await Promise.all(Object.entries(specs).map(([name, spec]) => govern(client, stand.namespace, name, spec)));
    const marks = await ownerMarks(redis);
    await fleet.start();
    print(`workers: ${WORKERS.join(', ')}; producers: ${PRODUCERS.join(', ')}`);

    const end = AbortSignal.any([ended.signal, AbortSignal.timeout(seconds * 1_000)]);
    const watching = watchConcurrency(redis, ended.signal);
    const disturbing = fleet.leaveAndDie(seconds * 1_000, end);
    const pausing = pauseAgainAndAgain(client, redis, stand.namespace, end);
    const producers = PRODUCERS.map((kind) => members.startProducer(kind, jobs, seconds * 1_000));
    for (const producer of producers) {
      const { code } = await producer.exited;
      if (code !== 0) throw new Error(`a producer ended with ${code}:\n${producer.lines.slice(-10).join('\n')}`);
    }
    await disturbing;
    const pauses = await pausing;
    print(`${fleet.scaleIns} workers have left, ${fleet.killed.size} were killed; the rest of the jobs`);
    const added = (await entriesOf(redis, LEDGER.added)).map(({ fields }) => fields.key!);
    const unfinished = async (): Promise<number> => await count(redis, UNFINISHED);
    await eventually(async () => (await unfinished()) === 0, {
      timeoutMs: ALL_DONE_MS,
      description: 'every job to end',
    }).catch((error: unknown) => print(String(error)));
    await fleet.leave();
    ended.abort();
    const sampled = async (): Promise<boolean> => (await sampledUnfinished(governor.process)) === 0;
    await eventually(sampled, { timeoutMs: 10_000, description: 'the sampler to see no job' }).catch((error: unknown) =>
      print(String(error)),
    );
    const events = (await entriesOf(redis, LEDGER.runs)).map(({ atMs, fields }): RunEvent => {
      const { worker = '', queue = '', key = '', event = '' } = fields;
      return { atMs, worker, queue, key, event };
    });
    return {
      workers: effectsByKind(events),
      producers: PRODUCERS,
      jobs: added.length,
      scaleIns: fleet.scaleIns,
      kills: fleet.killed.size,
      pauses: pauses.length,
      ...judge({
        added,
        events,
        killed: fleet.killed,
        pauses,
        limit: { queue: LIMITED.name, max: LIMITED.maxJobsPerSecond, windowMs: 1_000 },
      }),
      stuck: await unfinished(),
      failed: await count(redis, ['failed']),
      overConcurrency: Math.max(0, (await watching) - NARROW.globalConcurrency),
      marksChanged: differences(marks, await ownerMarks(redis)),
      sampledWrongly: await sampledUnfinished(governor.process),
      leftBadly: fleet.leftBadly,
    };
  } finally {
    ended.abort();
    await fleet.stop();
    await governor.process.stop('SIGTERM');
    redis.disconnect();
    await client.close();
  }
}

function effectsByKind(events: readonly RunEvent[]): Record<WorkerKind, number> {
  const effects = events.filter(({ event }) => event === 'effect').map(({ worker }) => kindOf(worker));
  const counts = WORKERS.map((kind) => [kind, effects.filter((each) => each === kind).length]);
  return Object.fromEntries(counts) as Record<WorkerKind, number>;
}

async function govern(client: KubeClient, namespace: string, name: string, spec: QueueSpec): Promise<void> {
  await client.apply(QUEUES, { metadata: { namespace, name }, spec }, { fieldManager: 'bench', force: true });
  const isReady = async (): Promise<boolean> => {
    const queue = await client.get<WithConditions>(QUEUES, { namespace, name });
    const ready = findCondition(queue?.status?.conditions, 'Ready');
    return ready?.status === 'True' && ready.observedGeneration === queue?.metadata.generation;
  };
  await eventually(isReady, { timeoutMs: 60_000, description: `Queue ${name} to be Ready` });
}

/** The queue runs in the end. */
async function pauseAgainAndAgain(
  client: KubeClient,
  redis: Redis,
  namespace: string,
  end: AbortSignal,
): Promise<{ queue: string; fromMs: number; toMs: number }[]> {
  const pauses: { queue: string; fromMs: number; toMs: number }[] = [];
  while (!end.aborted) {
    await sleep(RUN_MS, undefined, { signal: end }).catch(() => undefined);
    if (end.aborted) break;
    await govern(client, namespace, PAUSED, { paused: true });
    const fromMs = await redisNow(redis);
    await untilAllHaveFetched(redis, fromMs + NOTED_WITHIN_MS, end);
    const toMs = await redisNow(redis);
    await govern(client, namespace, PAUSED, { paused: false });
    pauses.push({ queue: PAUSED, fromMs, toMs });
  }
  return pauses;
}

/** Until workers of every kind have begun jobs of other queues since then: a pause has been kept by all, or by none. */
async function untilAllHaveFetched(redis: Redis, sinceMs: number, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    const begun = (await entriesOf(redis, LEDGER.runs, sinceMs)).filter(({ fields }) => fields.event === 'start');
    const kinds = new Set(begun.map(({ fields }) => kindOf(fields.worker ?? '')));
    if (WORKERS.every((kind) => kinds.has(kind))) return;
    await sleep(LOOK_MS, undefined, { signal: end }).catch(() => undefined);
  }
}

function kindOf(worker: string): string {
  return worker.replace(/-\d+$/, '');
}

/** The most that ran at once in the queue with a global concurrency, until `end`. */
async function watchConcurrency(redis: Redis, end: AbortSignal): Promise<number> {
  let most = 0;
  while (!end.aborted) {
    most = Math.max(most, await redis.llen(`bull:${NARROW.name}:active`));
    await sleep(LOOK_MS, undefined, { signal: end }).catch(() => undefined);
  }
  return most;
}

async function entriesOf(
  redis: Redis,
  stream: string,
  sinceMs?: number,
): Promise<{ atMs: number; fields: Record<string, string | undefined> }[]> {
  const entries = await redis.xrange(stream, sinceMs ?? '-', '+');
  return entries.map(([id, list]) => ({
    atMs: Number(id.split('-')[0]),
    fields: Object.fromEntries(list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1]]] : []))),
  }));
}

const LISTS = new Set(['wait', 'active', 'paused']);

async function count(redis: Redis, states: readonly string[]): Promise<number> {
  const counts = NAMES.flatMap((name) =>
    states.map(async (state) => {
      const key = `bull:${name}:${state}`;
      return LISTS.has(state) ? await redis.llen(key) : await redis.zcard(key);
    }),
  );
  return (await Promise.all(counts)).reduce((sum, each) => sum + each, 0);
}

async function ownerMarks(redis: Redis): Promise<(string | null)[]> {
  return await Promise.all(NAMES.map(async (name) => await redis.hget(`bull:${name}:meta`, OWNER_FIELD)));
}

function differences(before: readonly unknown[], after: readonly unknown[]): number {
  return before.filter((mark, at) => mark === null || mark !== after[at]).length;
}

const IN_LINE = new Set<string | undefined>(['waiting', 'prioritized', 'active', 'delayed']);

/** Jobs that are not done, as the controller's sampler sees them; NaN while it has not seen every queue. */
async function sampledUnfinished({ metrics }: { metrics: () => Promise<string> }): Promise<number> {
  const samples = samplesOf(await metrics(), 'redis_queue_jobs').filter(({ labels }) => IN_LINE.has(labels['state']));
  const seen = new Set(samples.map(({ labels }) => labels['queue']));
  if (NAMES.some((name) => !seen.has(name))) return Number.NaN;
  return samples.reduce((sum, { value }) => sum + value, 0);
}
