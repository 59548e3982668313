/** A queue that the pod serves: its object's name, and where it lies in Redis. */
export interface WorkerQueue {
  /** `metadata.name` of the Queue, the name that handlers are found by. */
  queue: string;
  /** The queue's name in Redis. */
  name: string;
  /** BullMQ's key prefix. */
  prefix: string;
  /** How long a run of its jobs may take; absent: as long as it wants. */
  jobTimeoutMs?: number;
  /** Its part of the slots while other queues have work too; absent: 1. */
  weight?: number;
}

/** What the controller passes to a worker pod. */
export interface WorkerConfig {
  queues: WorkerQueue[];
  /** Jobs at once, over all queues. */
  concurrency: number;
  pool: string;
  namespace: string;
  version: string;
  /** Name of the pod, by which BullMQ shows who runs a job. */
  podName: string;
  /** From SIGTERM until running jobs are asked to stop. */
  gracePeriodMs: number;
  /** From SIGTERM until the process is gone, with what still ran handed back. */
  maxDrainTimeMs: number;
  httpPort: number;
}

/** The pod contract: environment variables that the workerpool controller sets. */
export type WorkerEnvironment = Record<string, string | undefined>;

/**
 * Reads the pod contract.
 *
 * @throws Error that names the variable and what it has to look like.
 */
export function workerConfigFromEnvironment(env: WorkerEnvironment, hostname: string): WorkerConfig {
  const gracePeriodMs = wholeNumber(env, 'RQ_GRACE_PERIOD_MS', 30_000);
  const maxDrainTimeMs = wholeNumber(env, 'RQ_MAX_DRAIN_TIME_MS', 600_000);
  if (gracePeriodMs > maxDrainTimeMs) throw new Error('RQ_GRACE_PERIOD_MS is longer than RQ_MAX_DRAIN_TIME_MS');
  const concurrency = wholeNumber(env, 'RQ_CONCURRENCY', 10);
  if (concurrency < 1) throw new Error('RQ_CONCURRENCY is not at least 1');
  const httpPort = wholeNumber(env, 'RQ_HTTP_PORT', 9100);
  if (httpPort > 65_535) throw new Error(`RQ_HTTP_PORT is no port, which has at most 65535: ${httpPort}`);
  return {
    queues: parseQueues(env.RQ_QUEUES),
    concurrency,
    pool: env.RQ_POOL ?? '',
    namespace: env.RQ_POOL_NAMESPACE ?? '',
    version: env.RQ_VERSION ?? '',
    podName: env.RQ_POD_NAME || hostname,
    gracePeriodMs,
    maxDrainTimeMs,
    httpPort,
  };
}

const QUEUES_SHAPE = 'RQ_QUEUES is not a JSON list such as [{"queue":"emails","name":"emails","prefix":"bull"}]';

function parseQueues(text: string | undefined): WorkerQueue[] {
  if (!text) throw new Error(`${QUEUES_SHAPE}: it is not set`);
  let queues: unknown;
  try {
    queues = JSON.parse(text);
  } catch (error) {
    throw new Error(`${QUEUES_SHAPE}: it is not JSON`, { cause: error });
  }
  if (!Array.isArray(queues) || queues.length === 0) throw new Error(`${QUEUES_SHAPE}: it is not a list with entries`);
  return queues.map((entry: Partial<WorkerQueue> | null, index) => {
    const { queue, name, prefix, jobTimeoutMs, weight } = entry ?? {};
    if (typeof queue !== 'string' || typeof name !== 'string' || typeof prefix !== 'string') {
      throw new Error(`${QUEUES_SHAPE}: entry ${index} lacks queue, name or prefix`);
    }
    for (const [field, value] of Object.entries({ jobTimeoutMs, weight })) {
      if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
        throw new Error(`RQ_QUEUES: ${field} of entry ${index} is not a whole number of at least 1`);
    }
    return {
      queue,
      name,
      prefix,
      ...(jobTimeoutMs !== undefined && { jobTimeoutMs }),
      ...(weight !== undefined && { weight }),
    };
  });
}

function wholeNumber(env: WorkerEnvironment, name: string, absent: number): number {
  const text = env[name];
  if (text === undefined || text === '') return absent;
  if (!/^[0-9]+$/.test(text)) throw new Error(`${name} is not a whole number: "${text}"`);
  return Number(text);
}
