import {
  beginRestore,
  completeRestore,
  RecordWriter,
  verifyRestore,
  type QueueRecord,
  type QueueRef,
} from '@redis-queue/bullmq';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { coreEach } from '../measuring/core-each.ts';
import { hundredths, percentile } from '../measuring/percentile.ts';
import { slowestScript } from '../measuring/slowest-script.ts';
import { readRedisCpu } from '../measuring/redis-cpu.ts';
import { backupRecords } from './backup-records.ts';
import { writeBare } from './bare-write.ts';

export interface RestoreBenchOptions {
  readonly jobs: number;
  /** Times that both ways are measured, one right after the other. */
  readonly pairs: number;
  readonly progress: (message: string) => void;
}

export interface RestoreReport {
  readonly jobs: number;
  /** Every key of a job, list and set is what the plain commands have written, and `verifyRestore` finds no difference. */
  readonly identical: boolean;
  /** Time of a restore, with its last step, to that of the same written by plain commands: the median of the pairs. */
  readonly ratioToBareWrite: number;
  /** The same of the processor time of Redis and of this process, which a busy machine changes less. */
  readonly cpuRatioToBareWrite: number;
  /** From the call that completes the restore until a worker that waits has its first job, the worst. */
  readonly firstJobMs: number;
  /** The slowest script in Redis' own log, by the clock. */
  readonly slowestScriptMs: number;
  readonly rows: readonly (Cost & { readonly way: string })[];
}

interface Cost {
  readonly ms: number;
  /** Of Redis and of this process. */
  readonly cpuMs: number;
}

const REF: QueueRef = { prefix: 'bull', name: 'restored' };
const KEY = `${REF.prefix}:${REF.name}`;
const RESTORE_ID = 'bench';
const SLOW_FROM_US = 500;
const KEYS_PER_CALL = 500;

/** Restores a queue of synthetic jobs, beside the same written by plain commands on a Redis of its own. */
export async function runRestore({ jobs, pairs, progress }: RestoreBenchOptions): Promise<RestoreReport> {
  const found: Awaited<ReturnType<typeof measurePair>>[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    progress(`${jobs} jobs by plain commands, and as a restore: ${pair} of ${pairs}`);
    found.push(await measurePair(jobs));
  }
  const medianOf = (of: (each: (typeof found)[number]) => number): number => hundredths(percentile(found.map(of), 0.5));
  const worst = (of: (each: (typeof found)[number]) => number): number => hundredths(Math.max(...found.map(of)));
  return {
    jobs,
    identical: found.every(({ identical }) => identical),
    ratioToBareWrite: medianOf(({ ours, bare }) => ours.ms / bare.ms),
    cpuRatioToBareWrite: medianOf(({ ours, bare }) => ours.cpuMs / bare.cpuMs),
    firstJobMs: worst(({ firstJobMs }) => firstJobMs),
    slowestScriptMs: worst(({ slowestScriptMs }) => slowestScriptMs),
    rows: found.flatMap(({ bare, ours, verify }) => [
      { way: 'plain commands', ...rounded(bare) },
      { way: 'restore', ...rounded(ours) },
      { way: 'verify', ...rounded(verify) },
    ]),
  };
}

async function measurePair(jobs: number) {
  await using bareServer = await startServer();
  await using server = await startServer();
  const [bare, redis] = [bareServer.redis, server.redis];
  const nowMs = Date.now();
  // Made before, so that neither way is measured with it.
  const records = [...backupRecords(REF, jobs, nowMs)];
  const bareCost = await costOf(bare, () => writeBare(bare, KEY, records));
  const ours = await costOf(redis, async () => {
    await beginRestore(redis, REF, RESTORE_ID);
    const signal = new AbortController().signal;
    const writer = new RecordWriter(redis, REF, { from: REF, restoreId: RESTORE_ID, openFlows: 'Refuse', signal });
    for (const [part, page] of records.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- in their order
      await writer.write(page);
      // oxlint-disable-next-line no-await-in-loop
      await writer.noteProgress(part + 1);
    }
    await writer.finish();
  });
  let differences = 0;
  const verify = await costOf(redis, async () => {
    differences = (await verifyRestore(redis, REF, streamOf(records))).count;
  });
  const isSame = await haveSameValues(bare, redis, jobs);
  const slowestScriptMs = await slowestScript(redis);
  return {
    bare: bareCost,
    ours,
    verify,
    slowestScriptMs,
    identical: isSame && differences === 0,
    firstJobMs: await firstJob(server, redis),
  };
}

async function startServer(): Promise<{ server: RedisServer; redis: Redis } & AsyncDisposable> {
  const server = await startRedis({ args: ['--enable-debug-command', 'local'] });
  await coreEach(server.pid, [process.pid]);
  const redis = new Redis({ host: server.host, port: server.port, maxRetriesPerRequest: null });
  await redis.config('SET', 'slowlog-log-slower-than', String(SLOW_FROM_US));
  await redis.config('SET', 'slowlog-max-len', '10000');
  return {
    server,
    redis,
    async [Symbol.asyncDispose]() {
      redis.disconnect();
      await server.stop();
    },
  };
}

async function costOf(redis: Redis, run: () => Promise<void>): Promise<Cost> {
  const [server, client] = [await readRedisCpu(redis), process.cpuUsage()];
  await run();
  const after = await readRedisCpu(redis);
  const { user, system } = process.cpuUsage(client);
  return { ms: after.atMs - server.atMs, cpuMs: after.cpuMs - server.cpuMs + (user + system) / 1_000 };
}

function rounded({ ms, cpuMs }: Cost): Cost {
  return { ms: Math.round(ms), cpuMs: Math.round(cpuMs) };
}

async function* streamOf(records: readonly QueueRecord[][]): AsyncGenerator<readonly QueueRecord[]> {
  for (const page of records) yield page;
}

/** By Redis' own digests of values. */
async function haveSameValues(one: Redis, other: Redis, jobs: number): Promise<boolean> {
  const suffixes = ['wait', 'delayed', 'prioritized', 'completed', 'failed'];
  const keys = [...suffixes, ...Array.from({ length: jobs }, (_, n) => String(n + 1))].map((each) => `${KEY}:${each}`);
  for (let from = 0; from < keys.length; from += KEYS_PER_CALL) {
    const some = keys.slice(from, from + KEYS_PER_CALL);
    const digests = await Promise.all([one, other].map((redis) => redis.call('DEBUG', 'DIGEST-VALUE', ...some)));
    if (JSON.stringify(digests[0]) !== JSON.stringify(digests[1])) return false;
  }
  return true;
}

/** A worker of BullMQ waits while the queue is paused. */
async function firstJob({ server }: { server: RedisServer }, redis: Redis): Promise<number> {
  const { promise: started, resolve } = Promise.withResolvers<number>();
  const connection = new Redis({ host: server.host, port: server.port, maxRetriesPerRequest: null });
  const worker = new Worker(REF.name, async () => resolve(performance.now()), { connection, prefix: REF.prefix });
  worker.on('error', () => {});
  while ((await redis.exists(`${KEY}:stalled-check`)) === 0) await new Promise((next) => setImmediate(next));
  const beganMs = performance.now();
  await completeRestore(redis, REF, RESTORE_ID, { resume: true });
  const ms = (await started) - beganMs;
  await worker.close(true);
  connection.disconnect();
  return ms;
}
