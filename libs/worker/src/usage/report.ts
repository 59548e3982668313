import type { Redis } from 'ioredis';
import type { WorkerConfig } from '../environment/config.ts';
import type { Log } from '../log/log.ts';
import type { Process } from '../queues/file-runs.ts';
import { UsageMeter } from './meter.ts';

/** How often a pod samples itself and reports, ms. */
export interface UsageTimes {
  readonly sampleMs: number;
  readonly reportMs: number;
}

/** The autoscaler reads once a minute, so that it sees about every report, and no peak of memory in between is lost. */
export const USAGE_TIMES: UsageTimes = { sampleMs: 2_000, reportMs: 60_000 };
/** This close to its memory limit a pod reports at once: it may be killed before its next report. */
const NEAR_LIMIT = 0.9;
/**
 * Reports are spread by up to this part of the interval, so that a fleet that starts together does not report together.
 */
const JITTER = 0.1;
/** A pod that reported nothing for this long is forgotten; the whole key expires with the last pod. */
const FORGET_MS = 300_000;
/**
 * Each report checks this many reports of other pods, so that those of dead pods are removed although their pool goes
 * on.
 */
const FIELDS_CHECKED = 5;
/** Readers drop reports of another format. */
const FORMAT = 1;
/** The level of the pod contract that this library keeps; docs/pod-contract.md. */
const CONTRACT_LEVEL = 2;
/** How long a pod that leaves waits for its last report. */
const LEAVE_MS = 1_000;

const REPORT = `--[[
  Notes what a pod uses, with Redis' time, and forgets a few pods that are gone.
  KEYS  1 the hash of the pool: pod -> "<ms> <JSON>"
  ARGV  1 pod  2 JSON  3 after how many ms without a report a pod is gone  4 how many fields to check for that
  Cost  O(fields checked)
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local some = redis.call('HRANDFIELD', KEYS[1], ARGV[4], 'WITHVALUES')
for i = 1, #some, 2 do
  local reported = tonumber(string.match(some[i + 1], '^%d+'))
  -- One of the future is no pod's, and would never be removed.
  if reported == nil or math.abs(now - reported) > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], some[i]) end
end`;

/**
 * Where the pods of a pool report what they use: beside the pool's first queue. The colon after `rq` keeps it apart
 * from every job's key (custom ids hold none), so that BullMQ's `removeOrphanedJobs` leaves it alone.
 */
export function usageKey({ queues, namespace, pool }: Pick<WorkerConfig, 'queues' | 'namespace' | 'pool'>): string {
  const { prefix, name } = queues[0]!;
  return `${prefix}:${name}:rq:usage:${namespace}/${pool}`;
}

export interface UsageReports {
  /** The same, with every run measured. */
  measured: (process: Process) => Process;
  /** Reports before it is time; what people have to know has changed. */
  now: () => void;
  /** Reports a last time; the pod leaves, and with it the handlers that are stuck. */
  stop: () => Promise<void>;
}

/**
 * Reports what the pod uses, for the autoscaler's advice on concurrency and resources: a few hundred bytes per minute,
 * only when jobs ran or a handler is stuck, and only while Redis is there. Nothing waits for it, and a failure is logged
 * once, until a report succeeds again.
 */
export function startUsageReports(
  redis: Redis,
  config: WorkerConfig,
  log: Log,
  times: UsageTimes = USAGE_TIMES,
  meter: UsageMeter = new UsageMeter(config.concurrency),
): UsageReports {
  const key = usageKey(config);
  let reporting: Promise<void> | undefined;
  let failed = false;
  let stopped = false;
  let saidStuck = false;

  const send = async (): Promise<void> => {
    const usage = meter.take(saidStuck);
    if (!usage || redis.status !== 'ready') return;
    const stuck = stopped ? undefined : usage.stuck;
    try {
      const text = JSON.stringify({
        format: FORMAT,
        contract: CONTRACT_LEVEL,
        version: config.version,
        ...usage,
        stuck,
      });
      await redis.eval(REPORT, 1, key, config.podName, text, FORGET_MS, FIELDS_CHECKED);
      saidStuck = stuck !== undefined;
      failed = false;
    } catch (error) {
      if (!failed) log.warn('cannot report what the pod uses; there will be no advice on its resources', { error });
      failed = true;
    }
  };
  const report = async (): Promise<void> => {
    reporting ??= send().finally(() => (reporting = undefined));
    await reporting;
  };
  /** What has changed while a report was on its way is not in it. */
  const reportAnew = async (): Promise<void> => {
    await reporting;
    await report();
  };

  let near = false;
  const sampling = setInterval(() => {
    const before = near;
    near = meter.sample() >= NEAR_LIMIT;
    if (near && !before) void report();
  }, times.sampleMs).unref();
  let next: NodeJS.Timeout | undefined;
  const plan = (): void => {
    if (stopped) return;
    const afterMs = times.reportMs * (1 + JITTER * (2 * Math.random() - 1));
    next = setTimeout(() => void report().then(plan), afterMs).unref();
  };
  plan();
  return {
    measured: (process) => async (job, token, lockLost) => {
      const end = meter.begin();
      try {
        return await process(job, token, lockLost);
      } finally {
        end();
      }
    },
    now: () => void reportAnew(),
    stop: async () => {
      if (stopped) return;
      stopped = true;
      clearInterval(sampling);
      clearTimeout(next);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LEAVE_MS)));
      await Promise.race([reportAnew(), late]);
      clearTimeout(timer);
    },
  };
}
