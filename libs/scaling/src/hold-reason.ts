import type { Explained } from './explained.ts';
import { finishedJobs, historyNeededMs, waitOf } from './holds.ts';
import { isSeen, type Hold, type PoolObservation, type QueueLoad, type UnseenQueue } from './model/types.ts';
import { clip, count, decimal, duration, few, percent } from './wording/words.ts';

/**
 * Most characters of the message about a queue: enough for a sentence with the names of a Queue and a Secret and the
 * way out.
 */
const MOST_MESSAGE = 240;
const NO_DATA = 'and a pool never shrinks on missing data';

/** What follows "because": the hold with the numbers behind it. */
export function becauseOf(hold: Hold, explained: Explained): string {
  return REASONS[hold](explained);
}

const REASONS: Record<Hold, (explained: Explained) => string> = {
  SensorFailed: ({ observation }) => `${unseenQueues(observation, 'SensorFailed')}, ${NO_DATA}`,
  StaleData: (explained) => `${stale(explained)}, ${NO_DATA}`,
  QueueMissing: ({ observation }) => `${unseenQueues(observation, 'QueueMissing')}, ${NO_DATA}`,
  NoHistory: ({ watchedMs, pool }) =>
    `the autoscaler has watched the pool for ${seconds(watchedMs)} of the ${seconds(historyNeededMs(pool))} it takes`,
  LowConfidence: ({ confidence }) => `too little was measured to shrink on: the confidence is ${decimal(confidence)}`,
  WaitOverTarget: late,
  LongJobs: ({ observation: { busyPods }, pool, desired }) =>
    busyPods === undefined
      ? `its jobs may run for longer than the ${duration(pool.maxDrainMs)} of maxDrainTime, and it is not known which pods run some`
      : `${desired === 1 ? 'that pod runs' : 'those pods run'} jobs that may take longer than the ${duration(pool.maxDrainMs)} of maxDrainTime`,
  Panic: () => 'load has just more than doubled',
  StabilizationWindow: (explained) =>
    direction(explained) === 'scaleUp' ? steadyGrowth(explained) : 'more was needed within the scale-down window',
  StepLimit: (explained) => `behavior.${direction(explained)}.policies allow no more at once`,
  Disabled: (explained) => `behavior.${direction(explained)} is disabled`,
  JobsFailing: ({ observation }) => `${failureShare(observation)}, and more pods would not help`,
  QuotaExhausted: () => 'the namespace admits no more pods (quota, limit range or policy)',
  Unschedulable: ({ observation: { unschedulablePods = 0 } }) =>
    `${unschedulablePods === 1 ? '1 pod' : `${count(unschedulablePods)} pods`} of the pool cannot be scheduled, for longer than a node takes to start`,
  PodsFailing: ({ observation: { failingPods = 0 } }) =>
    `${failingPods === 1 ? '1 pod' : `${count(failingPods)} pods`} of the pool, which are most of it, crash or cannot start, and more of them would not help`,
  RedisSaturated: () => 'Redis is at its limit (slow, or out of memory), and more workers would only add load',
  ConnectionsExhausted: () =>
    'Redis takes a limited number of connections (maxclients) and has none left for more pods',
};

export const HOLDS = Object.keys(REASONS) as readonly Hold[];

function direction({ desired, wanted }: Explained): 'scaleUp' | 'scaleDown' {
  return wanted > desired ? 'scaleUp' : 'scaleDown';
}

function steadyGrowth({ pool: { scaleUp } }: Explained): string {
  return scaleUp.stabilizationWindowMs === 0
    ? 'some of what runs will be done before another pod could start'
    : `less was needed within the last ${duration(scaleUp.stabilizationWindowMs)} (behavior.scaleUp)`;
}

/** The queues that could not be sampled for that reason, and the message of the first; empty when there is none. */
export function unseenQueues({ queues }: PoolObservation, why: UnseenQueue['unseen']): string {
  const all = queues.filter((queue): queue is UnseenQueue => !isSeen(queue) && queue.unseen === why);
  if (all.length === 0) return '';
  const missing = all.length === 1 ? 'is missing' : 'are missing';
  const said = all[0]!.message === '' ? '' : ` (${clip(all[0]!.message, MOST_MESSAGE)})`;
  return `${named(all)} ${why === 'QueueMissing' ? missing : 'could not be read'}${said}`;
}

function stale({ observation, nowMs }: Explained): string {
  const oldest = observation.queues.filter(isSeen).reduce(older, undefined);
  return oldest === undefined
    ? 'the newest sample is too old'
    : `${named([oldest])} was last seen ${seconds(nowMs - oldest.sampledAtMs)} ago`;
}

function older(a: QueueLoad | undefined, b: QueueLoad): QueueLoad {
  return a === undefined || b.sampledAtMs < a.sampledAtMs ? b : a;
}

function late({ observation, pool }: Explained): string {
  const target = pool.waitTargetMs ?? 0;
  const waits = observation.queues.filter(isSeen).map((queue) => ({ queue, ms: waitOf(queue) }));
  const worst = waits.reduce((a, b) => (b.ms > a.ms ? b : a), waits[0]!);
  return `jobs of ${named([worst.queue])} wait ${duration(worst.ms)}, longer than the target of ${duration(target)}`;
}

/** "80 % of the last 120 finished jobs failed". */
export function failureShare({ queues }: PoolObservation): string {
  const { finished, failed } = finishedJobs(queues);
  return `${percent(failed / Math.max(1, finished))} of the last ${count(finished)} finished jobs failed`;
}

function named(queues: readonly { readonly queue: string }[]): string {
  const names = queues.map(({ queue }) => clip(queue, 63));
  return `${names.length > 1 ? 'queues' : 'queue'} ${few(names)}`;
}

function seconds(ms: number): string {
  return duration(Math.round(ms / 1_000) * 1_000);
}
