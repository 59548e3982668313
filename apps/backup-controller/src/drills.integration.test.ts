import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUEUE_BACKUP_SCHEDULES, QUEUE_RESTORES, QUEUES, type QueueRestoreSpec } from '@redis-queue/api';
import { ACL_RULES } from '@redis-queue/bullmq';
import { findCondition } from '@redis-queue/controller';
import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { BackupObject } from './backups/steps.ts';
import type { RestoreObject } from './restores/steps.ts';
import { scheduleObject } from './schedules/testing.fixture.ts';
import { TestCluster } from './testing/cluster.ts';

// Real jobs of BullMQ, an API server, a volume, and a Redis of its own for each drill, of which nothing is left.

let t: TestCluster;
let controller: RunningController;
const start = async (): Promise<RunningController> =>
  // A schedule of each hour is due at once.
  await t.controller({ now: () => new Date(Date.now() + 7_200_000) });
beforeAll(async () => {
  t = await TestCluster.start();
  controller = await start();
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

/** A namespace with a queue that is backed up, and a Redis in which nothing is, with a user of the least rights. */
class Scene implements AsyncDisposable {
  readonly namespace: string;
  readonly backup: BackupObject;
  readonly server: RedisServer;

  constructor(namespace: string, backup: BackupObject, server: RedisServer) {
    [this.namespace, this.backup, this.server] = [namespace, backup, server];
  }

  static async create(jobs: number, args: string[] = []): Promise<Scene> {
    const [namespace, server] = await Promise.all([t.namespace('drills'), startRedis({ args })]);
    const rules = ACL_RULES.restore.split(' ');
    await t.redis(server).call('ACL', 'SETUSER', 'restore', 'reset', 'on', '>pw', 'resetchannels', ...rules);
    const url = `redis://restore:pw@${server.host}:${server.port}`;
    await t.rig.objects.secret(namespace, { 'redis-url': url }, 'redis-scratch');
    await t.producer(namespace).addBulk(Array.from({ length: jobs }, (_, n) => ({ name: 'j', data: { n } })));
    await t.queue(namespace, 'emails', { name: namespace });
    const backup = await t.backup(namespace, 'emails', { queues: { names: ['emails'] } });
    return new Scene(namespace, await t.settled(backup, 'BackedUp'), server);
  }

  async drill(spec: Partial<QueueRestoreSpec> = {}): Promise<RestoreObject> {
    const scratch = { secretRef: { name: 'redis-scratch' }, ...spec.scratch };
    const from = { backup: { name: 'emails' } };
    return await t.restore(this.namespace, 'drill', { from, backoffLimit: 0, ...spec, scratch });
  }

  size(): Promise<number> {
    return t.redis(this.server).dbsize();
  }

  /** Why it failed, once nothing of it holds the object any more. */
  async failure(drill: RestoreObject): Promise<string> {
    const { status } = await t.settled(drill, 'BackoffLimitExceeded');
    await eventually(async () => (await t.read(drill)).metadata.finalizers === undefined);
    return findCondition(status?.conditions, 'Failed')?.message ?? '';
  }

  /** Key of a job of the drill. */
  async keyOf(drill: RestoreObject, id: string): Promise<string> {
    const { queue } = (await t.read(drill)).status!.queues![0]!;
    return `${queue}:${id}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }
}

describe.concurrent('a drill', () => {
  it('restores every job where no Queue is, compares them, and leaves nothing; its times tell how long that takes', async ({
    expect,
  }) => {
    await using scene = await Scene.create(500);
    const ran = t.worker(scene.namespace, scene.server);
    // As after a fire: the Queue is gone.
    await t.rig.client.delete(QUEUES, { namespace: scene.namespace, name: 'emails' });
    const drill = await scene.drill();
    const { status, metadata } = await t.settled(drill, 'Verified');
    expect(status).toMatchObject({ phase: 'Completed', jobs: 500, verifiedAt: expect.any(String) });
    expect(status?.queues).toMatchObject([{ restored: 500, memoryBytes: expect.any(Number) }]);
    expect(status?.queues?.[0]?.queue).toBe(`rq-scratch-${metadata.uid!.slice(0, 8)}:{emails}`);
    // What the worker itself has written is its own.
    const keys = await t.redis(scene.server).keys('*');
    expect([keys.filter((key) => !key.startsWith('bull:')), ran]).toEqual([[], []]);
    expect(await t.redis(scene.server).call('ACL', 'LOG')).toEqual([]);
    await eventually(async () => (await t.read(drill)).metadata.finalizers === undefined);
  });

  it('of a backup of which a byte has changed writes nothing', async ({ expect }) => {
    await using scene = await Scene.create(50);
    const folder = join(t.volume, scene.namespace, scene.backup.status!.directory!);
    const part = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((path) => path.includes('part-'))!;
    const bytes = readFileSync(join(folder, part));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(join(folder, part), bytes);
    expect(await scene.failure(await scene.drill())).toMatch(/BackupDamaged: .*part-00001/);
    expect(await scene.size()).toBe(0);
  });

  it('whose jobs differ from the backup says which, and is removed all the same', async ({ expect }) => {
    await using scene = await Scene.create(400);
    const drill = await scene.drill({ jobsPerSecond: 200 });
    await eventually(async () => (await scene.size()) > 100);
    await t.redis(scene.server).hset(await scene.keyOf(drill, '3'), 'data', '{"n":-1}');
    await t.redis(scene.server).del(await scene.keyOf(drill, '4'));
    const failure = await scene.failure(drill);
    expect(failure).toMatch(/VerificationFailed: .*differs from the backup: .*job 3 of .* has another data/);
    expect((await t.read(drill)).status?.queues?.[0]?.differences?.join()).toContain('job 4');
    expect(await scene.size()).toBe(0);
  });

  it('is refused where Redis has no room for it, or maxBytes says less, and nothing is written', async ({ expect }) => {
    await using scene = await Scene.create(2_000, ['--maxmemory', '2mb']);
    expect(await scene.failure(await scene.drill())).toMatch(/NoRoomForScratch: of its maxmemory of 2\.0 MiB/);
    expect(await scene.size()).toBe(0);
    await t.redis(scene.server).config('SET', 'maxmemory', '0');
    const from = { backup: { name: 'emails' } };
    const scratch = { secretRef: { name: 'redis-scratch' }, maxBytes: '100k' };
    const small = await t.restore(scene.namespace, 'small', { from, scratch, backoffLimit: 0 });
    expect(await scene.failure(small)).toMatch(
      /NoRoomForScratch: it would take .* spec\.scratch\.maxBytes is 0\.1 MiB/,
    );
    expect(await scene.size()).toBe(0);
  });

  it('that finds in the midst that others have taken the room makes room at once', async ({ expect }) => {
    await using scene = await Scene.create(6_000);
    const drill = await scene.drill({ jobsPerSecond: 4_000 });
    await eventually(async () => (await scene.size()) > 100);
    await t.redis(scene.server).config('SET', 'maxmemory', '1mb');
    expect(await scene.failure(drill)).toMatch(/NoRoomForScratch|RedisOutOfMemory/);
    expect(await scene.size()).toBe(0);
  });

  it('that is deleted in the midst is removed first', async ({ expect }) => {
    await using scene = await Scene.create(400);
    const drill = await scene.drill({ scratch: { prefix: 'bull' }, jobsPerSecond: 100 });
    await eventually(async () => (await scene.size()) > 100);
    expect((await t.redis(scene.server).keys('*')).every((key) => key.startsWith('bull:rq-scratch-'))).toBe(true);
    await t.remove(drill);
    await t.gone(drill);
    expect(await scene.size()).toBe(0);
  });

  it('follows each backup of a schedule that asks for it, beside the queues, and its outcome is in the status', async ({
    expect,
  }) => {
    const namespace = await t.namespace('drills');
    const queue = t.producer(namespace);
    await queue.pause();
    await queue.addBulk(Array.from({ length: 60 }, (_, n) => ({ name: 'j', data: { n } })));
    await t.queue(namespace, 'emails', { name: namespace });
    const ran = t.worker(namespace, t.rig.redis);
    const verify = { mode: 'Restore', activeDeadlineSeconds: 600, jobsPerSecond: 10_000 } as const;
    const { spec } = scheduleObject({ schedule: '0 * * * *', verify });
    const schedule = await t.rig.objects.create(QUEUE_BACKUP_SCHEDULES, { namespace, name: 'hourly' }, spec);
    const { status } = await eventually(async () => {
      const now = await t.rig.objects.read(QUEUE_BACKUP_SCHEDULES, schedule as ReturnType<typeof scheduleObject>);
      return now.status?.lastVerifiedBackup !== undefined && now;
    });
    const backup = status!.lastSuccessfulBackup!;
    expect(status).toMatchObject({ lastVerifiedBackup: backup, lastVerificationBackup: backup, lastVerifiedJobs: 60 });
    const drills = (await t.rig.client.list<RestoreObject>(QUEUE_RESTORES, { namespace })).items;
    expect(drills).toMatchObject([
      {
        metadata: { name: `${backup}-drill`, ownerReferences: [{ kind: 'QueueBackupSchedule', name: 'hourly' }] },
        spec: { scratch: {}, jobsPerSecond: 10_000, activeDeadlineSeconds: 600 },
        status: { phase: 'Completed', removedAt: expect.any(String) },
      },
    ]);
    expect(await t.redis(t.rig.redis).keys(`rq-scratch-${drills[0]!.metadata.uid!.slice(0, 8)}*`)).toEqual([]);
    expect([await queue.getJobCountByTypes('waiting'), ran]).toEqual([60, []]);
    await eventually(async () => {
      const reasons = (await t.rig.objects.eventsOf(schedule)).map(({ reason }) => reason);
      return ['VerificationCreated', 'BackupVerified'].every((reason) => reasons.includes(reason));
    });
  });
});

it('a drill whose controller ends is continued by the next one, and nothing of it is left', async ({ expect }) => {
  await using scene = await Scene.create(600);
  const drill = await scene.drill({ jobsPerSecond: 300 });
  await eventually(async () => (await t.read(drill)).status?.progress?.step === 'Writing');
  await eventually(async () => (await scene.size()) > 100);
  await controller.stop();
  expect(await scene.size()).toBeGreaterThan(100);
  controller = await start();
  const { status } = await t.settled(drill, 'Verified');
  expect(status).toMatchObject({ phase: 'Completed', jobs: 600 });
  expect(status?.failures).toBeUndefined();
  expect(await scene.size()).toBe(0);
});
