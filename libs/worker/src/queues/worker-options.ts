import type { WorkerOptions as BullmqWorkerOptions } from 'bullmq';
import { whatItHasToBe } from './worker-option-values.ts';

const LOCKS = 'all pods of a queue need the same lock times, with which a killed pod is noticed within 28 s';

/** What a pod decides itself, and where it is set instead. */
const OWNED = {
  connection: 'a pod reaches Redis by the variables of the pod contract (REDIS_URL, …)',
  blockingConnection: 'every queue of a pod has one',
  prefix: 'it is spec.redis.prefix of the Queue',
  name: "it is the pod's name, by which a scale-in sees which pods are idle",
  autorun: 'queues are served from the start; pause a worker in onWorker',
  concurrency: 'slots are shared by all queues of a pod: set spec.concurrency of the WorkerPool',
  lockDuration: LOCKS,
  lockRenewTime: LOCKS,
  stalledInterval: LOCKS,
  runRetryDelay:
    "it is how soon the end of a job is written again after a lost connection; BullMQ's own is not for users",
  telemetry: 'give it to runWorkers, for all queues',
} as const satisfies Partial<Record<keyof BullmqWorkerOptions, string>>;

/** What is passed on to BullMQ's Worker as it is. */
const PASSED = {
  limiter: true,
  metrics: true,
  maximumRateLimitDelay: true,
  maxStartedAttempts: true,
  maxStalledCount: true,
  removeOnComplete: true,
  removeOnFail: true,
  skipStalledCheck: true,
  skipLockRenewal: true,
  drainDelay: true,
  settings: true,
  useWorkerThreads: true,
  workerForkOptions: true,
  workerThreadsOptions: true,
  skipVersionCheck: true,
  skipWaitingForReady: true,
} as const satisfies Record<Exclude<keyof BullmqWorkerOptions, keyof typeof OWNED>, true>;

/** Those that say how a file is run. */
const OF_FILES = ['useWorkerThreads', 'workerForkOptions', 'workerThreadsOptions'];

/** BullMQ's options of a worker, without those that a pod decides itself. */
export type WorkerOptions = Omit<BullmqWorkerOptions, keyof typeof OWNED>;

/**
 * Checks what a program gives for its workers: a program in plain JavaScript has no types, and BullMQ ignores what it
 * does not know.
 *
 * @param where how the options are named to a person, such as `workerOptions`.
 * @param forFile whether a file may run the jobs.
 * @throws Error when one is not taken, with the reason and what to use instead, or has a value that BullMQ's scripts
 * cannot read.
 */
export function checkWorkerOptions(where: string, options: object = {}, forFile = true): void {
  for (const [name, value] of Object.entries(given(options))) {
    const why = whyNotTaken(name, forFile);
    if (why) throw new Error(`${where}: ${name} is not taken: ${why}`);
    const wanted = whatItHasToBe(name, value);
    if (wanted) throw new Error(`${where}: ${name} has to be ${wanted}`);
  }
}

/** Without those that are undefined, which are as absent, and would override what they are merged with. */
export function given<Options extends object>(options: Options | undefined): Partial<Options> {
  const entries = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<Options>;
}

/** Why `runWorkers` has no option of that name, and where it is given instead. */
export function whereToGive(name: string): string {
  if (Object.hasOwn(OWNED, name)) return OWNED[name as keyof typeof OWNED];
  if (Object.hasOwn(PASSED, name)) return "it is an option of BullMQ's Worker: give it in workerOptions";
  return /^on[a-z]/.test(name) ? "listen to events of BullMQ's Worker in onWorker" : 'there is no such option';
}

function whyNotTaken(name: string, forFile: boolean): string | undefined {
  if (Object.hasOwn(OWNED, name)) return OWNED[name as keyof typeof OWNED];
  if (!forFile && OF_FILES.includes(name)) return 'it says how a file is run, and the handler is a function';
  if (Object.hasOwn(PASSED, name)) return undefined;
  return `BullMQ has no such option of a worker (there are ${Object.keys(PASSED).join(', ')})`;
}
