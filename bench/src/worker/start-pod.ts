import { startProcess, type ChildHandle } from '@redis-queue/rig';

export interface PodOptions {
  name: string;
  redisUrl: string;
  queues: readonly string[];
  concurrency: number;
  /** Of plain BullMQ instead of this project's library. */
  plain?: boolean;
  /** For jobs that run for a time of their own (`timed-job.ts`) instead of being interrupted. */
  timed?: boolean;
  drain?: { gracePeriodMs: number; maxDrainTimeMs: number };
}

/** Starts a worker pod as a process of its own, with the environment that the controller would set. */
export function startPod(options: PodOptions): ChildHandle {
  const { name, redisUrl, queues, concurrency, plain = false, timed = false, drain } = options;
  const program = `${timed ? 'timed-' : ''}${plain ? 'plain-' : ''}pod.ts`;
  return startProcess(process.execPath, [`${import.meta.dirname}/${program}`], {
    env: {
      REDIS_URL: redisUrl,
      RQ_QUEUES: JSON.stringify(queues.map((queue) => ({ queue, name: queue, prefix: 'bull' }))),
      RQ_CONCURRENCY: String(concurrency),
      RQ_POD_NAME: name,
      RQ_HTTP_PORT: '0',
      ...(drain && {
        RQ_GRACE_PERIOD_MS: String(drain.gracePeriodMs),
        RQ_MAX_DRAIN_TIME_MS: String(drain.maxDrainTimeMs),
      }),
    },
  });
}
