import type { JobsOptions } from 'bullmq';

/** How a planned job has to end. */
export type Ending = 'completed' | 'failed';

/** What the example worker has to do; see examples/worker. */
export interface EmailData {
  to: string;
  run: string;
  sendMs: number;
  rounds: number;
  failures?: number;
}

export interface PlannedJob {
  /** The job's id, chosen by us: what is lost is noticed even if Redis forgot that it was added. */
  id: string;
  ending: Ending;
  data: EmailData;
  opts: JobsOptions;
  /** Children that have to end before it: added as a flow. */
  children?: PlannedJob[];
}

/** Runs of a job scheduler, whose ids BullMQ makes itself. */
export interface PlannedSchedule {
  id: string;
  everyMs: number;
  runs: number;
  data: EmailData;
}

export interface Burst {
  run: string;
  /** Each added with an `add` of its own. */
  single: PlannedJob[];
  /** Added with `addBulk`. */
  bulk: PlannedJob[];
  flows: PlannedJob[];
  schedule: PlannedSchedule;
}

/** How many jobs of each form BullMQ offers. */
export interface BurstSize {
  plain: number;
  bulk: number;
  prioritized: number;
  delayed: number;
  lifo: number;
  /** Fail once, then succeed after a back-off. */
  retried: number;
  /** Fail every attempt. */
  failing: number;
  /** Each a parent with three children. */
  flows: number;
  scheduled: number;
  /** Mean time a job waits for its mail server, ms. */
  meanSendMs: number;
}

/** A burst of 3,000 jobs: about 450 s of waiting and 3 s of CPU in all. */
export const DEMO_BURST: BurstSize = {
  plain: 500,
  bulk: 1597,
  prioritized: 400,
  delayed: 150,
  lifo: 100,
  retried: 150,
  failing: 20,
  flows: 20,
  scheduled: 3,
  meanSendMs: 150,
};

/** @param random uniform in [0, 1); the same seed gives the same burst. */
export function planBurst(run: string, size: BurstSize, random: () => number): Burst {
  const data = (to: string, failures?: number): EmailData => ({
    to: `${to}@example.com`,
    run,
    // exponential, capped: many short, a few long
    sendMs: Math.round(Math.min(-Math.log(1 - random()), 5) * size.meanSendMs),
    rounds: Math.floor(random() * 20),
    ...(failures === undefined ? {} : { failures }),
  });
  const job = (kind: string, n: number, opts: JobsOptions, failures?: number): PlannedJob => {
    const id = `${run}-${kind}-${n}`;
    return {
      id,
      ending: failures === -1 ? 'failed' : 'completed',
      data: data(`${kind}-${n}`, failures),
      opts: { ...opts, jobId: id },
    };
  };
  const many = (kind: string, count: number, opts: (n: number) => JobsOptions, failures?: number): PlannedJob[] =>
    Array.from({ length: count }, (_, n) => job(kind, n, opts(n), failures));

  const backoff = { type: 'exponential', delay: 200 };
  return {
    run,
    single: [
      ...many('plain', size.plain, () => ({})),
      ...many('lifo', size.lifo, () => ({ lifo: true })),
      ...many('delayed', size.delayed, () => ({ delay: Math.round(200 + random() * 8_000) })),
    ],
    bulk: [
      ...many('bulk', size.bulk, () => ({})),
      ...many('prioritized', size.prioritized, (n) => ({ priority: 1 + (n % 10) })),
      ...many('retried', size.retried, () => ({ attempts: 3, backoff }), 1),
      ...many('failing', size.failing, () => ({ attempts: 2, backoff: 100 }), -1),
    ],
    flows: Array.from({ length: size.flows }, (_, n) => ({
      ...job('parent', n, {}),
      children: many(`child-${n}`, 3, () => ({})),
    })),
    schedule: { id: `${run}-tick`, everyMs: 1_000, runs: size.scheduled, data: data('tick') },
  };
}

/** Every planned job with an id of ours, flows' children included. */
export function plannedJobs({ single, bulk, flows }: Burst): PlannedJob[] {
  return [...single, ...bulk, ...flows.flatMap((parent) => [parent, ...(parent.children ?? [])])];
}
