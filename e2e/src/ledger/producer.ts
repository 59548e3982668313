import { FlowProducer, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { balance, type Balance } from './balance.ts';
import { plannedJobs, type Burst, type Ending, type PlannedJob } from './plan.ts';

export interface Depth {
  waiting: number;
  prioritized: number;
  delayed: number;
  active: number;
  completed: number;
  failed: number;
  'waiting-children': number;
}

/** The producer's half of the ledger: adds jobs, remembers each by id, and compares at the end. */
export interface Producer {
  /** Adds the whole burst; every id is remembered before it is sent. */
  add: (burst: Burst) => Promise<void>;
  depth: () => Promise<Depth>;
  /** 95th percentile of the waits of the newest finished first attempts, ms; undefined without any. */
  waitP95Ms: () => Promise<number | undefined>;
  /** How many of the jobs added so far have ended. */
  ended: () => Promise<{ added: number; ended: number }>;
  balance: () => Promise<Balance>;
  close: () => void;
}

const CHUNK = 200;
const SAMPLE = 200;

/** @param url of the Redis as reached from here; it holds the password, so it is never printed. */
export function createProducer(url: string, name: string): Producer {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined); // commands wait for the connection
  const queue = new Queue(name, { connection: redis, skipMetasUpdate: true });
  const flows = new FlowProducer({ connection: redis });
  queue.on('error', () => undefined);
  flows.on('error', () => undefined);
  const added = new Map<string, Ending>();
  const schedules: { id: string; runs: number }[] = [];
  let run = '';

  async function finishedIds(state: 'completed' | 'failed'): Promise<Set<string>> {
    const ids = await redis.zrange(`bull:${name}:${state}`, 0, '-1');
    return new Set(ids.filter((id) => added.has(id) || scheduleOf(id)));
  }

  const scheduleOf = (id: string): { id: string; runs: number } | undefined =>
    schedules.find((schedule) => id.startsWith(`repeat:${schedule.id}:`));

  async function counts(kind: 'effects' | 'starts'): Promise<Map<string, number>> {
    const stored = await redis.hgetall(`ledger:${run}:${kind}`);
    return new Map(Object.entries(stored).map(([id, count]) => [id, Number(count)]));
  }

  return {
    add: async (burst) => {
      run = burst.run;
      for (const { id, ending } of plannedJobs(burst)) added.set(id, ending);
      const { schedule } = burst;
      if (schedule.runs > 0) {
        schedules.push(schedule);
        await queue.upsertJobScheduler(
          schedule.id,
          { every: schedule.everyMs, limit: schedule.runs },
          { name: 'email', data: schedule.data },
        );
      }
      for (const chunk of chunks(burst.bulk)) {
        await queue.addBulk(chunk.map(({ data, opts }) => ({ name: 'email', data, opts })));
      }
      for (const chunk of chunks(burst.single)) {
        await Promise.all(chunk.map(({ data, opts }) => queue.add('email', data, opts)));
      }
      await flows.addBulk(burst.flows.map((parent) => flowJob(parent, name)));
    },
    depth: async () =>
      (await queue.getJobCounts(
        'waiting',
        'prioritized',
        'delayed',
        'active',
        'completed',
        'failed',
        'waiting-children',
      )) as unknown as Depth,
    waitP95Ms: async () => {
      const ids = await redis.zrevrange(`bull:${name}:completed`, 0, SAMPLE - 1);
      const reads = redis.pipeline();
      for (const id of ids) reads.hmget(`bull:${name}:${id}`, 'timestamp', 'processedOn', 'ats', 'opts');
      const waits = ((await reads.exec()) ?? []).flatMap(([, fields]) => waitOf(fields as (string | null)[]));
      return waits.toSorted((a, b) => a - b)[Math.ceil(waits.length * 0.95) - 1];
    },
    ended: async () => {
      const [completed, failed] = await Promise.all([finishedIds('completed'), finishedIds('failed')]);
      const scheduled = schedules.reduce((sum, { runs }) => sum + runs, 0);
      return { added: added.size + scheduled, ended: completed.size + failed.size };
    },
    balance: async () => {
      const completed = await finishedIds('completed');
      const withSchedules = new Map(added);
      // BullMQ names a scheduler's runs: as many as were ordered are ours, a further one is unknown, a missing one is
      // lost
      for (const schedule of schedules) {
        const ids = [...completed].filter((id) => scheduleOf(id) === schedule).toSorted();
        for (let n = 0; n < schedule.runs; n++) withSchedules.set(ids[n] ?? `repeat:${schedule.id}:#${n}`, 'completed');
      }
      return balance({
        added: withSchedules,
        completed,
        failed: await finishedIds('failed'),
        effects: await counts('effects'),
        starts: await counts('starts'),
      });
    },
    close: () => redis.disconnect(),
  };
}

function chunks<T>(items: T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, n) => items.slice(n * CHUNK, (n + 1) * CHUNK));
}

interface FlowNode {
  name: string;
  queueName: string;
  data: unknown;
  opts: object;
  children: FlowNode[];
}

function flowJob({ data, opts, children = [] }: PlannedJob, queueName: string): FlowNode {
  return { name: 'email', queueName, data, opts, children: children.map((child) => flowJob(child, queueName)) };
}

function waitOf([timestamp, processedOn, starts, opts]: (string | null)[]): number[] {
  if (!timestamp || !processedOn || starts !== '1') return [];
  const { delay = 0 } = JSON.parse(opts ?? '{}') as { delay?: number };
  return [Math.max(0, Number(processedOn) - Number(timestamp) - delay)];
}
