import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { eventually, startRedis, type ChildHandle } from '@redis-queue/rig';
import { readArguments } from '../command-line/arguments.ts';
import { percentile } from '../measuring/percentile.ts';
import { LEDGER, type InterruptedJob } from '../worker/interrupted-job.ts';
import { startPod } from '../worker/start-pod.ts';

// A pod is killed in the middle of its jobs: how long until the last of them runs again? Side by side in one run: this
// project's worker beside a survivor, BullMQ's defaults beside a survivor, and this project's worker whose container is
// started again under the pod's name. Each kill has a queue of its own and a random moment, so that it meets every
// phase of lock renewal and of the search for stalled jobs.
const HELP = 'usage: make bench NAME=sigkill [ARGS="--kills=50"]\n';
const JOBS = 3;
type Arm = 'ours' | 'default' | 'restart';
/** How many pods are killed at a time, and within what time: the longest interval whose phase matters, if any does. */
const WAVES: Record<Arm, { size: number; momentMs: number }> = {
  ours: { size: 17, momentMs: 30_000 },
  default: { size: 17, momentMs: 30_000 },
  // nothing is waited for but the process
  restart: { size: 3, momentMs: 2_000 },
};
const START = { timeoutMs: 240_000 };
const PATIENCE = { timeoutMs: 240_000, intervalMs: 250 };

const values = readArguments(HELP, {
  kills: { type: 'string', default: '50' },
});
const kills = Number(values.kills);

await using server = await startRedis();
const redis = new Redis(server.url, { maxRetriesPerRequest: null });
const pods: ChildHandle[] = [];

const [ours, plain, restart] = await Promise.all([killAll('ours'), killAll('default'), killAll('restart')]);
const figures = (arm: Recovery[]): { p50Ms: number; p95Ms: number; maxMs: number } => {
  const times = arm.flatMap(({ tookMs }) => (tookMs === undefined ? [] : [tookMs]));
  const [p50Ms, p95Ms, maxMs] = [0.5, 0.95, 1].map((fraction) => Math.round(percentile(times, fraction)));
  return { p50Ms: p50Ms!, p95Ms: p95Ms!, maxMs: maxMs! };
};
const [o, d, r] = [figures(ours), figures(plain), figures(restart)];
const lostOf = (arm: Recovery[]): number => arm.reduce((sum, { lost }) => sum + lost, 0);
console.table({ 'this project': o, "BullMQ's defaults": d, 'container started again': r });
const lost = lostOf(ours) + lostOf(plain) + lostOf(restart);
console.log(
  JSON.stringify({
    bench: 'sigkill',
    kills,
    jobs: kills * JOBS * 3,
    lost,
    oursP50Ms: o.p50Ms,
    oursP95Ms: o.p95Ms,
    oursMaxMs: o.maxMs,
    defaultP50Ms: d.p50Ms,
    defaultP95Ms: d.p95Ms,
    defaultMaxMs: d.maxMs,
    restartP50Ms: r.p50Ms,
    restartP95Ms: r.p95Ms,
    restartMaxMs: r.maxMs,
    ratioP95: Math.round((o.p95Ms / d.p95Ms) * 1000) / 1000,
  }),
);
redis.disconnect();
await Promise.all(pods.map((pod) => pod.stop()));
process.exitCode = lost === 0 ? 0 : 1;

interface Recovery {
  /** From the kill to the moment in which the last of its jobs ran again; undefined when one never did. */
  tookMs: number | undefined;
  /** Jobs that were not completed in the end. */
  lost: number;
}

/** Kills a pod for each queue of the arm, in waves; the recoveries of one go on beside the next. */
async function killAll(arm: Arm): Promise<Recovery[]> {
  const recoveries: Promise<Recovery>[] = [];
  const { size, momentMs } = WAVES[arm];
  for (let first = 0; first < kills; first += size) {
    const names = Array.from({ length: Math.min(size, kills - first) }, (_, i) => `${arm}-${first + i}`);
    const victims = await Promise.all(names.map(async (name) => ({ name, victim: await inTheMiddle(arm, name) })));
    // only now, or it would take the jobs first; and before the kills, or its start would be measured
    if (arm !== 'restart') await start(arm, `survivor-${first}`, names).waitForLine(/connected to Redis/, START);
    await Promise.all(
      victims.map(async ({ name, victim }) => {
        await sleep(Math.random() * momentMs);
        const killedMs = Date.now();
        await victim.stop('SIGKILL');
        const recovery = recover(arm, name, killedMs);
        recoveries.push(recovery);
        if (arm === 'restart') await recovery;
      }),
    );
  }
  return await Promise.all(recoveries);
}

function start(arm: Arm, name: string, queues: string[]): ChildHandle {
  const concurrency = JOBS * queues.length;
  const pod = startPod({ name, redisUrl: server.url, queues, concurrency, plain: arm === 'default' });
  pods.push(pod);
  return pod;
}

/** A pod whose slots are all taken by jobs that run. */
async function inTheMiddle(arm: Arm, name: string): Promise<ChildHandle> {
  const queue = new Queue(name, { connection: redis, skipMetasUpdate: true });
  const data: InterruptedJob = { listens: false };
  await queue.addBulk(Array.from({ length: JOBS }, () => ({ name: 'job', data })));
  const victim = start(arm, `victim-${name}`, [name]);
  await eventually(async () => (await runs(name)).length === JOBS, PATIENCE);
  return victim;
}

/** The wall clock of `killedMs` is that of the ledger: one machine. */
async function recover(arm: Arm, name: string, killedMs: number): Promise<Recovery> {
  const queue = new Queue(name, { connection: redis, skipMetasUpdate: true });
  const again = arm === 'restart' ? start(arm, `victim-${name}`, [name]) : undefined;
  try {
    await eventually(async () => (await queue.getCompletedCount()) === JOBS, PATIENCE);
    const tookMs = Math.max(...(await runs(name))) - killedMs;
    console.error(`${name}: ${tookMs} ms`);
    return { tookMs, lost: 0 };
  } catch (error) {
    console.error(`${name}: ${String(error)}`);
    return { tookMs: undefined, lost: JOBS - (await queue.getCompletedCount()) };
  } finally {
    await again?.stop('SIGKILL');
  }
}

/** When each job of the queue last began to run. */
async function runs(name: string): Promise<number[]> {
  const keys = Array.from({ length: JOBS }, (_, i) => `${name}:${i + 1}`);
  return (await redis.hmget(LEDGER.startedAt, ...keys)).flatMap((at) => (at === null ? [] : [Number(at)]));
}
