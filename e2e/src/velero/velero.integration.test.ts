import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, startRedis, startS3Server, type RedisServer, type S3Server } from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../processes/stage.ts';
import { backUp, restore, type VeleroBackup } from './velero.ts';

// docs/velero.md: a namespace as Velero brings it back, in another cluster where Redis still has the queues, in another
// where it does not, and beside itself.

/** What docs/velero.md has Velero restore statuses of. */
const RUN_ONCE = ['queuebackups', 'queuebackupschedules', 'queueredrives', 'queuerestores'];
const JOBS = 10;

let old: Stage;
let fresh: Stage;
let redis: RedisServer;
let empty: RedisServer;
let s3: S3Server;
let shop: string;
let backup: VeleroBackup;
let storage: object;

beforeAll(async () => {
  [old, fresh, redis, empty, s3] = await Promise.all([
    Stage.set(),
    Stage.set(),
    startRedis(),
    startRedis(),
    startS3Server(),
  ]);
  storage = {
    s3: { bucket: 'backups', endpoint: s3.endpoint, region: s3.region, secretRef: { name: 'backup-storage' } },
  };
  await Promise.all(
    [old, fresh].flatMap((stage) => [stage.start('queue-controller'), stage.start('backup-controller')]),
  );
  shop = await old.controlPlane.createNamespace('shop');
  await withSecrets(old, shop, redis);
  await fill();
  backup = await backUp(old.controlPlane, shop);
});
afterAll(async () => {
  await Promise.all([old?.[Symbol.asyncDispose](), fresh?.[Symbol.asyncDispose]()]);
  await Promise.all([redis?.stop(), empty?.stop(), s3?.stop()]);
});

async function withSecrets(stage: Stage, namespace: string, server: RedisServer): Promise<void> {
  await stage.secret(namespace, 'redis-credentials', { 'redis-url': server.url });
  await stage.secret(namespace, 'backup-storage', { ...s3.credentials });
}

/** Two Queues, and one ended object of each kind that runs once. */
async function fill(): Promise<void> {
  for (const name of ['orders', 'images']) {
    await old.apply(shop, 'Queue', name, { deletionPolicy: 'Delete', dlqPolicy: { enabled: true } });
    await old.settled(shop, `queue/${name}`, 'Applied');
    const queue = new Queue(name, { connection: { host: redis.host, port: redis.port } });
    await queue.addBulk(Array.from({ length: JOBS }, (_, n) => ({ name: 'j', data: { n } })));
    await queue.close();
  }
  await old.apply(shop, 'QueueBackup', 'done', { queues: { names: ['orders'] }, storage, deletionPolicy: 'Delete' });
  await old.settled(shop, 'queuebackup/done', 'BackedUp');
  const template = { spec: { queues: { names: ['orders'] }, storage } };
  await old.apply(shop, 'QueueBackupSchedule', 'yearly', { schedule: '0 2 1 1 *', template });
  await old.apply(shop, 'QueueRestore', 'looked', { from: { backup: { name: 'done' } }, scratch: {} });
  await old.apply(shop, 'QueueRedrive', 'counted', { queueRef: { name: 'orders' }, dryRun: true });
  await Promise.all([
    old.settled(shop, 'queuebackupschedule/yearly', 'Scheduled'),
    old.settled(shop, 'queuerestore/looked', 'Verified'),
    old.settled(shop, 'queueredrive/counted', 'Counted'),
  ]);
}

const files = (): string[] =>
  readdirSync(join(s3.folder, 'backups'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
async function waiting(server: RedisServer, name: string): Promise<number> {
  const client = new Redis(server.port, server.host);
  try {
    return await client.llen(`bull:${name}:wait`);
  } finally {
    client.disconnect();
  }
}

describe('a namespace that Velero has brought back', () => {
  it('in another cluster, with statuses, governs nothing of the old one, runs nothing again and removes nothing', async () => {
    const before = files();
    await fresh.controlPlane.kubectl('create', 'namespace', shop);
    await withSecrets(fresh, shop, redis);
    await restore(fresh.controlPlane, backup, { name: 'r1', namespace: shop, restoreStatus: RUN_ONCE });
    for (const name of ['orders', 'images']) await fresh.settled(shop, `queue/${name}`, 'OwnedByOtherCluster');
    const [was, is] = await Promise.all([old, fresh].map((stage) => stage.read(shop, 'queuebackup/done')));
    expect(is!.metadata.uid).not.toBe(was!.metadata.uid);
    expect(is!.status).toEqual(was!.status);
    for (const each of ['queuerestore/looked', 'queueredrive/counted', 'queuebackupschedule/yearly'])
      expect((await fresh.read(shop, each)).status).toEqual((await old.read(shop, each)).status);

    // A Queue that another cluster governs goes without its data, although its policy is Delete.
    await fresh.kubectl(shop, 'delete', 'queue/images', '--timeout=30s');
    expect(await waiting(redis, 'images')).toBe(JOBS);
    await fresh.kubectl(shop, 'annotate', 'queue/orders', 'redis-queue.io/take-over=true');
    await fresh.settled(shop, 'queue/orders', 'Applied');
    expect(await waiting(redis, 'orders')).toBe(JOBS);

    await fresh.kubectl(shop, 'delete', 'queuebackup/done', '--timeout=30s');
    expect(files()).toEqual(before);
    const events = await fresh.kubectl(shop, 'get', 'events', '-o=jsonpath={.items[*].message}');
    expect(events).toContain('another object has written it');
  });

  it('in another cluster whose Redis is empty gets its jobs from the backup that came back', async () => {
    const namespace = await fresh.controlPlane.createNamespace('empty');
    await withSecrets(fresh, namespace, empty);
    await restore(fresh.controlPlane, backup, { name: 'r2', namespace, restoreStatus: RUN_ONCE });
    await fresh.settled(namespace, 'queue/orders', 'Applied');
    await fresh.apply(namespace, 'QueueRestore', 'back', { from: { backup: { name: 'done' } } });
    const { status } = await fresh.settled(namespace, 'queuerestore/back', 'Restored');
    expect(status).toMatchObject({ jobs: JOBS });
    expect(await waiting(empty, 'orders')).toBe(JOBS);
  });

  it('beside itself, without statuses, is not run, and its Queues wait for those that govern', async () => {
    const before = files();
    const namespace = await old.controlPlane.createNamespace('copy');
    await withSecrets(old, namespace, redis);
    await restore(old.controlPlane, backup, { name: 'r3', namespace });
    await old.settled(namespace, 'queue/images', 'WaitingForOwner');
    for (const each of [
      'queuebackup/done',
      'queuebackupschedule/yearly',
      'queuerestore/looked',
      'queueredrive/counted',
    ]) {
      const { status } = await old.read(namespace, each);
      // Its status may still follow, so nothing is written to it for a minute; then it is Failed: RestoredByVelero.
      expect([each, status?.['observedGeneration'], status?.['startTime']]).toEqual([each, undefined, undefined]);
    }
    expect(files()).toEqual(before);
    await old.kubectl(namespace, 'delete', 'queue/images', '--timeout=30s');
    await eventually(async () => (await waiting(redis, 'images')) === JOBS);
  });
});
