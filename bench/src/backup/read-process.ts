import { Redis } from 'ioredis';
import { RedisConnections, snapshotQueue, STATES, type QueueRecord } from '@redis-queue/bullmq';
import { readFileSync } from 'node:fs';

// Reads a queue whole, by `WAY`: `snapshot`, or `bare`, HGETALL of the same jobs in pipelines. Its last line is a JSON
// object of what it took.
const { REDIS_URL = '', QUEUE = '', WAY = '', MAX_ENTRIES } = process.env;
const JOBS_PER_PIPELINE = 200;

const reading = WAY === 'bare' ? await readBare() : await readSnapshot();
const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
console.log(JSON.stringify({ ...reading, peakMib: Number(kib) / 1024 }));

async function readBare(): Promise<{ jobs: number; beganMs: number; wallMs: number }> {
  const redis = new Redis(REDIS_URL);
  const ids: string[] = [];
  for (const list of ['wait', 'active']) ids.push(...(await redis.lrange(`bull:${QUEUE}:${list}`, 0, -1)));
  for (const set of STATES)
    if (set !== 'waiting' && set !== 'active') ids.push(...(await redis.zrange(`bull:${QUEUE}:${set}`, 0, '-1')));
  const [beganMs, startMs] = [Date.now(), performance.now()];
  let jobs = 0;
  for (let at = 0; at < ids.length; at += JOBS_PER_PIPELINE) {
    const pipeline = redis.pipeline();
    for (const id of ids.slice(at, at + JOBS_PER_PIPELINE)) pipeline.hgetall(`bull:${QUEUE}:${id}`);
    jobs += (await pipeline.exec())!.length;
  }
  redis.disconnect();
  return { jobs, beganMs, wallMs: performance.now() - startMs };
}

async function readSnapshot(): Promise<{ jobs: number; beganMs: number; wallMs: number; consistent: boolean }> {
  const connections = new RedisConnections({ clientName: 'backup' });
  const { hostname, port } = new URL(REDIS_URL);
  const redis = connections.get({ host: hostname, port: Number(port) });
  await redis.ping();
  const [beganMs, startMs] = [Date.now(), performance.now()];
  const options = MAX_ENTRIES === undefined ? {} : { maxEntriesInOneStep: Number(MAX_ENTRIES) };
  const taken = { jobs: 0, consistent: false };
  const signal = new AbortController().signal;
  for await (const records of snapshotQueue(redis, { prefix: 'bull', name: QUEUE }, { signal, ...options }))
    take(records, taken);
  const wallMs = performance.now() - startMs;
  connections.close();
  return { ...taken, beganMs, wallMs };
}

/** Where the writer of a backup would take them. */
function take(records: readonly QueueRecord[], taken: { jobs: number; consistent: boolean }): void {
  for (const record of records) {
    if (record.kind === 'job') taken.jobs++;
    if (record.kind === 'queue') taken.consistent = record.consistent;
  }
}
