import { Redis } from 'ioredis';
import { BackupWriter, openStorage, secretKeys } from '@redis-queue/backup';
import { RedisConnections, snapshotQueue, STATES, type QueueRecord } from '@redis-queue/bullmq';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// Reads a queue whole, once it gets SIGUSR2, by `WAY`: `bare`, HGETALL of all jobs in pipelines, which lasts `LASTS_MS`
// where that is given; `snapshot`; or `backup`, which writes an encrypted backup into a directory. Its last line is a JSON
// object of what it took.
const { REDIS_URL = '', QUEUE = '', WAY = '', MAX_ENTRIES, LASTS_MS = '0' } = process.env;
const JOBS_PER_PIPELINE = 200;
const WAYS: Record<string, () => Promise<Taken>> = { bare: readBare, snapshot: readSnapshot, backup: writeBackup };

interface Taken {
  jobs: number;
  consistent?: boolean;
}

const bare = new Redis(REDIS_URL);
const connections = new RedisConnections({ clientName: 'backup' });
const { hostname, port } = new URL(REDIS_URL);
const redis = connections.get({ host: hostname, port: Number(port) });
await Promise.all([bare.ping(), redis.ping()]);
const asked = once(process, 'SIGUSR2');
console.log('ready');
await asked;
const [beganMs, startMs] = [Date.now(), performance.now()];
const taken = await WAYS[WAY]!();
const wallMs = performance.now() - startMs;
bare.disconnect();
connections.close();
const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8')) ?? [];
console.log(JSON.stringify({ ...taken, beganMs, wallMs, peakMib: Number(kib) / 1024 }));

async function readBare(): Promise<Taken> {
  const ids: string[] = [];
  for (const list of ['wait', 'active']) ids.push(...(await bare.lrange(`bull:${QUEUE}:${list}`, 0, -1)));
  for (const set of STATES)
    if (set !== 'waiting' && set !== 'active') ids.push(...(await bare.zrange(`bull:${QUEUE}:${set}`, 0, '-1')));
  let jobs = 0;
  for (let at = 0; at < ids.length; at += JOBS_PER_PIPELINE) {
    const pipeline = bare.pipeline();
    for (const id of ids.slice(at, at + JOBS_PER_PIPELINE)) pipeline.hgetall(`bull:${QUEUE}:${id}`);
    jobs += (await pipeline.exec())!.length;
    const dueMs = (Number(LASTS_MS) * jobs) / ids.length;
    if (dueMs > 0) await sleep(Math.max(0, dueMs - (performance.now() - startMs)));
  }
  return { jobs };
}

async function readSnapshot(): Promise<Taken> {
  const read: Taken = { jobs: 0 };
  for await (const records of snapshot()) count(records, read);
  return read;
}

async function writeBackup(): Promise<Taken> {
  const path = await mkdtemp(join(tmpdir(), 'backup-bench-'));
  const { signal } = new AbortController();
  const storage = await openStorage({ volume: { root: path } }, {});
  try {
    const key = secretKeys(Buffer.alloc(32, 1).toString('base64'));
    const options = { directory: 'bench/1', backupId: 'bench', createdAt: new Date(), about: {}, key, signal };
    const backup = await BackupWriter.create(storage, options);
    const writer = backup.queue(QUEUE);
    const read: Taken = { jobs: 0 };
    for await (const records of snapshot()) {
      count(records, read);
      await writer.write(records);
    }
    await writer.close({});
    await backup.finish();
    return read;
  } finally {
    await rm(path, { recursive: true });
  }
}

function snapshot(): AsyncGenerator<readonly QueueRecord[]> {
  const options = MAX_ENTRIES === undefined ? {} : { maxEntriesInOneStep: Number(MAX_ENTRIES) };
  const { signal } = new AbortController();
  return snapshotQueue(redis, { prefix: 'bull', name: QUEUE }, { signal, ...options });
}

function count(records: readonly QueueRecord[], read: Taken): void {
  for (const record of records) {
    if (record.kind === 'job') read.jobs++;
    if (record.kind === 'queue') read.consistent = record.consistent;
  }
}
