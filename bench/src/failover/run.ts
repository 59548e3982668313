import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, freePort, startProcess, startRedis, untilReplicated, type ChildHandle } from '@redis-queue/rig';
import { connectRedis } from '@redis-queue/worker';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { startGroup, type FailoverGroup, type FailoverKind } from './groups.ts';
import { LEDGER, type RunEnd } from './ledger.ts';

export interface FailoverOptions {
  readonly kind: FailoverKind;
  /** `kill`: the primary is gone, and its connections are closed. `freeze`: it falls silent, as when its node dies. */
  readonly how: 'kill' | 'freeze';
  readonly pods: number;
  /** Jobs are added before the primary is struck for so long, and after the last pod is back. */
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly print?: (line: string) => void;
}

export interface FailoverResult {
  readonly jobs: number;
  /** Jobs that were added and never reached the end of a handler. */
  readonly lost: number;
  /** Jobs that BullMQ counts as failed, although no handler fails. */
  readonly failed: number;
  /** Jobs that reached it more than once: the new primary did not have all that the old one did. */
  readonly ranTwice: number;
  /** Pods that ended, that liveness wanted to restart, or that ran no job which was added after the strike. */
  readonly stoppedWorkers: number;
  /** How soon the servers take a primary for gone, as they are set here. */
  readonly detectionS: number;
  /** From the strike until each pod has run a job to its end that was added after it, of the queue that was struck. */
  readonly recoveryS: number;
  /** The longest time without the end of a run in the other queue; in a Cluster that one lies on another server. */
  readonly otherQueuePauseS: number;
}

const EVERY_MS = 100;
/** Of each queue; the pods could run twice as many. */
const JOBS_PER_STEP = 4;
const RUN_MS = [20, 400] as const;
const RECOVERED_WITHIN_MS = 60_000;
/** Jobs that were active without the new primary knowing of their locks come back when a lock would have ended. */
const DONE_WITHIN_MS = 90_000;

/** Runs pods on two queues under load, strikes the primary of one of them, and counts what became of every job. */
export async function runFailover(options: FailoverOptions): Promise<FailoverResult> {
  const { kind, how, pods: count, beforeMs, afterMs, print = () => undefined } = options;
  await using group = await startGroup(kind);
  await using ledgerServer = await startRedis();
  const ledger = new Redis(ledgerServer.url, { maxRetriesPerRequest: null });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => ledger.disconnect());
  const pods = await Promise.all(
    Array.from({ length: count }, (_, n) => startPod(`pod-${n}`, group, ledgerServer.url)),
  );
  for (const pod of pods) stack.defer(async () => void (await pod.process.stop('SIGKILL')));
  const load = new Load(group);
  stack.defer(() => load.close());

  print(`${kind}: ${count} pods run jobs`);
  load.start();
  await sleep(beforeMs);
  await load.pause();
  await untilReplicated(group.primary, group.replica);
  const struckMs = Date.now();
  if (how === 'freeze') process.kill(group.primary.pid, 'SIGSTOP');
  else await group.primary.kill9();
  load.start();

  const [struckQueue, otherQueue] = group.queues;
  const ends = async (): Promise<RunEnd[]> =>
    (await ledger.lrange(LEDGER.ends, 0, -1)).map((text) => JSON.parse(text) as RunEnd);
  const recoveredAt = (list: readonly RunEnd[], pod: Pod): number | undefined =>
    list.find(({ pod: name, queue, addedMs }) => name === pod.name && queue === struckQueue && addedMs > struckMs)
      ?.endedMs;
  const recovered = async (): Promise<boolean> => {
    const list = await ends();
    return pods.every((pod) => recoveredAt(list, pod) !== undefined);
  };
  await eventually(recovered, { timeoutMs: RECOVERED_WITHIN_MS, intervalMs: 50 }).catch(() => undefined);
  print(`${kind}: ${how} of the primary, all pods are back after ${(Date.now() - struckMs) / 1_000} s`);
  await sleep(afterMs);
  await load.pause();
  const ids = load.ids;
  const done = async (): Promise<boolean> => new Set((await ends()).map(({ id }) => id)).size >= ids.length;
  await eventually(done, { timeoutMs: DONE_WITHIN_MS, intervalMs: 200 }).catch(() => undefined);
  const failed = await load.failed();

  const list = await ends();
  const runs = new Map<string, number>();
  for (const { id } of list) runs.set(id, (runs.get(id) ?? 0) + 1);
  const backAt = pods.map((pod) => recoveredAt(list, pod));
  const stopped = pods.filter((pod, n) => backAt[n] === undefined || pod.wasUnhealthy());
  if (how === 'freeze') process.kill(group.primary.pid, 'SIGCONT');
  for (const pod of stopped) print(`${pod.name} stopped:\n${pod.process.lines.slice(-20).join('\n')}`);
  return {
    jobs: ids.length,
    lost: ids.filter((id) => !runs.has(id)).length,
    failed,
    ranTwice: [...runs.values()].filter((times) => times > 1).length,
    stoppedWorkers: stopped.length,
    detectionS: group.detectionMs / 1_000,
    recoveryS: Math.max(...backAt.map((atMs) => ((atMs ?? Infinity) - struckMs) / 1_000)),
    otherQueuePauseS: longestPauseMs(list.filter(({ queue }) => queue === otherQueue)) / 1_000,
  };
}

function longestPauseMs(ends: readonly RunEnd[]): number {
  const times = ends.map(({ endedMs }) => endedMs).toSorted((a, b) => a - b);
  return Math.max(0, ...times.slice(1).map((atMs, n) => atMs - times[n]!));
}

/** Adds jobs to both queues, each until it was acknowledged. */
class Load {
  readonly ids: string[] = [];
  readonly #redis: Redis;
  readonly #queues: Queue[];
  #running: Promise<void> | undefined;
  #stop = new AbortController();

  constructor({ env, queues }: FailoverGroup) {
    this.#redis = connectRedis(env);
    this.#queues = queues.map((name) => new Queue(name, { connection: this.#redis, skipMetasUpdate: true }));
    for (const queue of this.#queues) queue.on('error', () => undefined);
  }

  start(): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#running = Promise.all(this.#queues.map((queue) => this.#add(queue, signal))).then(() => undefined);
  }

  /** Resolves once what was begun was acknowledged. */
  async pause(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async failed(): Promise<number> {
    const counts = await Promise.all(this.#queues.map((queue) => queue.getFailedCount()));
    return counts.reduce((sum, each) => sum + each, 0);
  }

  close(): void {
    this.#stop.abort();
    this.#redis.disconnect();
  }

  async #add(queue: Queue, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const jobs = Array.from({ length: JOBS_PER_STEP }, () => {
        const jobId = `job-${this.ids.length}`;
        this.ids.push(jobId);
        const runMs = Math.round(RUN_MS[0] + Math.random() * (RUN_MS[1] - RUN_MS[0]));
        return { name: 'work', data: { runMs }, opts: { jobId } };
      });
      await this.#untilAdded(queue, jobs);
      await sleep(EVERY_MS);
    }
  }

  /** With the same ids as often as it takes: what was added although nobody acknowledged it is not added again. */
  async #untilAdded(queue: Queue, jobs: Parameters<Queue['addBulk']>[0]): Promise<void> {
    for (;;) {
      try {
        await queue.addBulk(jobs);
        return;
      } catch {
        await sleep(EVERY_MS);
      }
    }
  }
}

interface Pod {
  readonly name: string;
  readonly process: ChildHandle;
  /** Whether it ended, or the kubelet would have ended it. */
  wasUnhealthy(): boolean;
}

async function startPod(name: string, { env, queues }: FailoverGroup, ledgerUrl: string): Promise<Pod> {
  const port = await freePort();
  const child = startProcess(process.execPath, [`${import.meta.dirname}/pod.ts`], {
    env: {
      ...env,
      LEDGER_URL: ledgerUrl,
      RQ_QUEUES: JSON.stringify(queues.map((queue) => ({ queue, name: queue, prefix: 'bull' }))),
      RQ_CONCURRENCY: '10',
      RQ_POD_NAME: name,
      RQ_HTTP_PORT: String(port),
    },
  });
  const status = async (path: string): Promise<number | undefined> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) }).catch(
      () => undefined,
    );
    return response?.status;
  };
  await eventually(async () => (await status('/readyz')) === 200, {
    timeoutMs: 60_000,
    description: `${name} to be ready; it says ${child.lines.slice(-3).join(' ')}`,
  });
  let unhealthy = false;
  const watching = setInterval(() => {
    void status('/livez').then((answer) => (unhealthy ||= answer !== 200));
  }, 500);
  void child.exited.then(() => clearInterval(watching));
  let ended = false;
  void child.exited.then(() => (ended = true));
  return { name, process: child, wasUnhealthy: () => unhealthy || ended };
}
