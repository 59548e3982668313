import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUEUES } from '@redis-queue/api';
import { ACL_RULES } from '@redis-queue/bullmq';
import { findCondition } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { FlowProducer } from 'bullmq';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { BackupObject } from './backups/steps.ts';
import type { RestoreObject } from './restores/steps.ts';
import { TestCluster } from './testing/cluster.ts';

// Real jobs of BullMQ, two servers of Redis, an API server and a volume; walls 1, 2, 4 and 6.

let t: TestCluster;
let controller: RunningController;
let ns: string;
beforeAll(async () => {
  t = await TestCluster.start();
  ns = await t.namespace();
  controller = await t.controller();
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

/** The folder of a backup in the volume, below which each attempt has its own. */
const folderOf = ({ metadata: { namespace, name, uid = '' } }: BackupObject): string =>
  `${namespace}/${name}-${uid.slice(0, 8)}`;
/** The files of a backup, as paths in the volume. */
const filesOf = (backup: BackupObject): string[] =>
  readdirSync(t.volume, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(t.volume.length + 1))
    .filter((path) => path.startsWith(`${folderOf(backup)}/`));
const some = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => ({ name: 'j', data: { n: n + from } }));

const into = (...queues: string[]): NonNullable<RestoreObject['spec']['queues']> =>
  queues.map((queue, at) => ({ name: ['look-a', 'look-b'][at]!, to: { queue } }));

describe.concurrent('a backup', () => {
  it('moves queues to another Redis, dead letters and all: verified, and every job runs there once', async ({
    expect,
  }) => {
    const name = `move-${ns}`;
    // Nobody runs the jobs of the source while they are compared: workers are at the other server.
    const source = t.producer(name);
    await source.addBulk(some(25));
    await source.addBulk([
      { name: 'urgent', data: {}, opts: { jobId: 'urgent', priority: 1 } },
      { name: 'later', data: {}, opts: { jobId: 'later', delay: 3_600_000 } },
    ]);
    const letters = t.producer(`${name}-dlq`);
    await letters.add('dead', {}, { jobId: 'd1' });
    await t.queue(ns, 'from', { name, dlqPolicy: { enabled: true } });
    await t.queue(ns, 'to', { name, dlqPolicy: { enabled: true }, redis: { secretRef: { name: 'redis-other' } } });
    const encryption = { secretRef: { name: 'backup-key' } };
    const backup = await t.settled(
      await t.backup(ns, 'moved', { queues: { names: ['from'] }, encryption }),
      'BackedUp',
    );
    expect(backup.status).toMatchObject({ phase: 'Completed', jobs: 28, formatVersion: 1 });
    expect(backup.status?.queues).toMatchObject([
      { name: 'from', consistent: true, jobs: { waiting: 25, prioritized: 1, delayed: 1 } },
      { name: 'from_dlq', jobs: { waiting: 1 } },
    ]);
    expect(findCondition(backup.status?.conditions, 'Complete')?.status).toBe('True');
    // They are counted once the status is written.
    const counted = await eventually(async () => (await controller.sumOf(/^redis_queue_backup_jobs_total\{/)) || false);
    expect(counted).toBeGreaterThanOrEqual(28);

    const from = { backup: { name: 'moved' } };
    const queues = [{ name: 'from', to: { queue: 'to' } }];
    const dry = await t.settled(await t.restore(ns, 'dry', { from, queues, dryRun: true }), 'WouldRestore');
    expect(dry.status?.queues).toMatchObject([
      { name: 'from', wouldRun: 26 },
      { name: 'from_dlq', wouldRun: 1 },
    ]);
    const target = t.producer(name, t.other);
    expect(await target.getJobCountByTypes('waiting', 'prioritized', 'delayed')).toBe(0);

    const restore = await t.settled(await t.restore(ns, 'moved', { from, queues }), 'Restored');
    expect(restore.status).toMatchObject({ phase: 'Completed', jobs: 28 });
    expect(await target.getJobCounts('waiting', 'prioritized', 'delayed')).toEqual({
      waiting: 25,
      prioritized: 1,
      delayed: 1,
    });
    expect(await t.producer(`${name}-dlq`, t.other).getJob('d1')).toBeDefined();
    const ran = t.worker(name, t.other);
    await eventually(() => ran.length === 26);
    const ids = (await source.getJobs(['waiting', 'prioritized'])).map(({ id }) => id ?? '');
    expect(ran.toSorted()).toEqual(ids.toSorted());

    // What is there now is not written over.
    const again = await t.restore(ns, 'again', { from, queues, backoffLimit: 0 });
    const refused = await t.settled(again, 'BackoffLimitExceeded');
    expect(findCondition(refused.status?.conditions, 'Ready')?.message).toMatch(
      /QueueNotEmpty: .*Queue to is not empty/,
    );
  });

  it('lies in a bucket under a key of AWS KMS, and is found by its folder alone, whatever became of the objects', async ({
    expect,
  }) => {
    const name = `bucket-${ns}`;
    await t.producer(name).addBulk(some(3_000));
    await t.queue(ns, 'bucket', { name });
    await t.queue(ns, 'bucket-to', { name, redis: { secretRef: { name: 'redis-other' } } });
    const spec = { storage: t.bucket, encryption: t.kmsKey };
    const backup = await t.settled(
      await t.backup(ns, 'bucket', { queues: { names: ['bucket'] }, ...spec }),
      'BackedUp',
    );
    const { directory = '', location } = backup.status!;
    expect(location).toMatch(/^backups-.*\/bucket-.* in s3:\/\/backups\/all at http/);
    await t.remove(backup);
    await t.gone(backup);
    const queues = [{ name: 'bucket', to: { queue: 'bucket-to' } }];
    const restore = await t.restore(ns, 'bucket', { from: { ...spec, directory }, queues });
    expect((await t.settled(restore, 'Restored')).status).toMatchObject({ jobs: 3_000 });
    expect(await t.producer(name, t.other).getWaitingCount()).toBe(3_000);

    const wrong = { s3: { ...t.bucket.s3!, bucket: 'nobodys' } };
    const missing = await t.backup(ns, 'nowhere', { queues: { names: ['bucket'] }, storage: wrong, backoffLimit: 0 });
    const { status } = await t.settled(missing, 'BackoffLimitExceeded');
    expect(findCondition(status?.conditions, 'Failed')?.message).toContain('BucketNotFound');
  });

  it('is restored paused with resume: false, and resumed when that is set', async ({ expect }) => {
    const name = `held-${ns}`;
    await t.producer(name).addBulk(some(5));
    await t.queue(ns, 'held', { name }, { moves: 'yes' });
    await t.queue(ns, 'held-to', { name, redis: { secretRef: { name: 'redis-other' } } });
    const selector = { matchLabels: { moves: 'yes' } };
    const backup = await t.settled(await t.backup(ns, 'held', { queues: { selector } }), 'BackedUp');
    const from = { storage: { volume: {} }, directory: backup.status!.directory! };
    const queues = [{ name: 'held', to: { queue: 'held-to' } }];
    const restore = await t.settled(await t.restore(ns, 'held', { from, queues, resume: false }), 'RestoredPaused');
    const target = t.producer(name, t.other);
    expect(await target.isPaused()).toBe(true);
    const ran = t.worker(name, t.other);
    await t.patch(restore, { spec: { resume: true } });
    await t.settled(restore, 'Restored');
    await eventually(() => ran.length === 5);
    expect(await target.isPaused()).toBe(false);
  });

  it('is restored into a queue that stays paused where its Queue has been set to it since the restore began', async ({
    expect,
  }) => {
    const name = `stopped-${ns}`;
    await t.producer(name).addBulk(some(3));
    await t.queue(ns, 'stopped', { name });
    await t.queue(ns, 'stopped-to', { name, redis: { secretRef: { name: 'redis-other' } } });
    await t.settled(await t.backup(ns, 'stopped', { queues: { names: ['stopped'] } }), 'BackedUp');
    const queues = [{ name: 'stopped', to: { queue: 'stopped-to' } }];
    const spec = { from: { backup: { name: 'stopped' } }, queues, resume: false };
    const restore = await t.settled(await t.restore(ns, 'stopped', spec), 'RestoredPaused');
    await t.rig.client.mergePatch(QUEUES, { namespace: ns, name: 'stopped-to' }, { spec: { paused: true } });
    await t.patch(restore, { spec: { resume: true } });
    const { status } = await t.settled(restore, 'Restored');
    expect(findCondition(status?.conditions, 'Ready')?.message).toContain('stopped-to stays paused');
    expect(await t.producer(name, t.other).isPaused()).toBe(true);
  });

  it('goes with its files where deletionPolicy is Delete, also while it is written, and leaves those of others', async ({
    expect,
  }) => {
    const name = `deleted-${ns}`;
    await t.producer(name).addBulk(some(400));
    await t.queue(ns, 'deleted', { name });
    const spec = { queues: { names: ['deleted'] }, deletionPolicy: 'Delete' as const };
    const done = await t.settled(await t.backup(ns, 'gone', spec), 'BackedUp');
    const retained = await t.settled(await t.backup(ns, 'gone-2', { queues: spec.queues }), 'BackedUp');
    const slow = await t.settled(await t.backup(ns, 'slow', { ...spec, jobsPerSecond: 50 }), 'BackingUp');
    expect(filesOf(done)).not.toEqual([]);
    await Promise.all([done, retained, slow].map((object) => t.remove(object)));
    await Promise.all([done, retained, slow].map((object) => t.gone(object)));
    expect([filesOf(done), filesOf(slow)]).toEqual([[], []]);
    expect(filesOf(retained)).not.toEqual([]);
  });

  it('that is deleted while it restores leaves an empty queue behind, which is no longer paused', async ({
    expect,
  }) => {
    const name = `abandoned-${ns}`;
    await t.producer(name).addBulk(some(400));
    await t.queue(ns, 'abandoned', { name });
    await t.queue(ns, 'abandoned-to', { name, redis: { secretRef: { name: 'redis-other' } } });
    await t.settled(await t.backup(ns, 'abandoned', { queues: { names: ['abandoned'] } }), 'BackedUp');
    const queues = [{ name: 'abandoned', to: { queue: 'abandoned-to' } }];
    const from = { backup: { name: 'abandoned' } };
    const restore = await t.restore(ns, 'abandoned', { from, queues, jobsPerSecond: 50 });
    const target = t.producer(name, t.other);
    await eventually(() => target.isPaused());
    await t.remove(restore);
    await t.gone(restore);
    expect(await target.isPaused()).toBe(false);
    expect(await target.getJobCountByTypes('waiting')).toBe(0);
    await t.settled(await t.restore(ns, 'anew', { from, queues }), 'Restored');
    expect(await target.getWaitingCount()).toBe(400);
  });

  it('into several queues looks at all of them first, also as a dry run, and by the folder that the command lists', async ({
    expect,
  }) => {
    const [first, second] = [`look-a-${ns}`, `look-b-${ns}`];
    await Promise.all([first, second].map((name) => t.producer(name).addBulk(some(5))));
    await t.producer(second, t.other).add('there', {});
    await t.queue(ns, 'look-a', { name: first });
    await t.queue(ns, 'look-b', { name: second });
    await t.queue(ns, 'look-a-to', { name: first, redis: { secretRef: { name: 'redis-other' } } });
    await t.queue(ns, 'look-b-to', { name: second, redis: { secretRef: { name: 'redis-other' } } });
    await t.rig.objects.secret(ns, { 'redis-url': 'redis://127.0.0.1:1' }, 'redis-scratch');
    await t.queue(ns, 'look-nowhere', { redis: { secretRefs: { restore: { name: 'redis-scratch' } } } });
    const backup = await t.settled(await t.backup(ns, 'look', { queues: { names: ['look-a', 'look-b'] } }), 'BackedUp');
    const from = { storage: { volume: {} }, directory: `${ns}/${backup.status!.directory}` };
    const failsBy = async (name: string, spec: object): Promise<string | undefined> => {
      const restore = await t.restore(ns, `look-${name}`, { from, backoffLimit: 0, ...spec });
      const { status } = await t.settled(restore, 'BackoffLimitExceeded');
      return findCondition(status?.conditions, 'Failed')?.message;
    };
    const queues = into('look-a-to', 'look-b-to');
    const [full, dry, nowhere, missing] = await Promise.all([
      failsBy('full', { queues }),
      failsBy('dry', { queues, dryRun: true }),
      failsBy('nowhere', { queues: into('look-nowhere'), dryRun: true }),
      failsBy('missing', { queues, from: { ...from, directory: 'none/here' }, dryRun: true }),
    ]);
    expect(full).toContain('QueueNotEmpty: the queue of Queue look-b-to is not empty: it has 1 waiting job');
    expect(dry).toContain('QueueNotEmpty: the queue of Queue look-b-to');
    expect(nowhere).toContain('RedisUnreachable: queue look-nowhere');
    expect(missing).toContain('BackupNotFound: none/here/manifest.json does not exist');
    expect(await t.redis(t.other).exists(`bull:${first}:meta`)).toBe(0);
    const one = await t.restore(ns, 'look-one', { from, queues: into('look-a-to'), dryRun: true });
    await t.settled(one, 'WouldRestore');
  });

  it('says what stands in its way, and goes on when that is out of it', async ({ expect }) => {
    const backup = await t.backup(ns, 'early', { queues: { names: ['late'] }, ttlSecondsAfterFinished: 1 });
    await t.settled(backup, 'QueueNotFound');
    await t.producer(`late-${ns}`).addBulk(some(3));
    await t.queue(ns, 'late', { name: `late-${ns}`, redis: { secretRefs: { backup: { name: 'redis-other' } } } });
    await t.gone(backup);
    await eventually(async () => (await t.rig.objects.eventsOf(backup)).some(({ reason }) => reason === 'BackedUp'));
    const denied = await t.backup(ns, 'denied', {
      queues: { names: ['late'] },
      encryption: { secretRef: { name: 'x' } },
    });
    const { status } = await t.settled(denied, 'SecretNotPermitted');
    expect(findCondition(status?.conditions, 'Ready')?.message).toContain('storage.secretNames');
  });

  it('logs in with the Secret of its role, to read for a backup and to write for a restore', async ({ expect }) => {
    const name = `roles-${ns}`;
    const source = t.producer(name, t.other);
    await source.addBulk(some(5));
    await source.upsertJobScheduler('daily', { every: 86_400_000, immediately: false });
    // The common Secret leads to a server that has no such queue; those of the roles to users with the least rights.
    const redis = t.redis(t.other);
    for (const role of ['backup', 'restore'] as const) {
      await redis.call('ACL', 'SETUSER', role, 'reset', 'on', '>pw', 'resetchannels', ...ACL_RULES[role].split(' '));
      await t.secretOf(ns, role, `redis://${role}:pw@${t.other.host}:${t.other.port}`);
    }
    await redis.call('ACL', 'LOG', 'RESET');
    await t.queue(ns, 'roles', { name, redis: { secretRefs: { backup: { name: 'redis-backup' } } } });
    await t.queue(ns, 'empty', { name: `${name}-to`, redis: { secretRefs: { restore: { name: 'redis-restore' } } } });
    const backup = await t.settled(await t.backup(ns, 'roles', { queues: { names: ['roles'] } }), 'BackedUp');
    expect(backup.status?.jobs).toBe(6);
    const queues = [{ name: 'roles', to: { queue: 'empty' } }];
    await t.settled(await t.restore(ns, 'roles', { from: { backup: { name: 'roles' } }, queues }), 'Restored');
    const counts = (queue: typeof source) => queue.getJobCounts('waiting', 'delayed');
    const target = t.producer(`${name}-to`, t.other);
    expect(await counts(target)).toEqual(await counts(source));
    expect(await target.getJobSchedulersCount()).toBe(1);
    expect(await redis.call('ACL', 'LOG')).toEqual([]);
  });

  it('of half of a flow is refused, or cuts the link, as openFlows says', async ({ expect }) => {
    const name = `flow-${ns}`;
    const flows = new FlowProducer({ connection: { host: t.rig.redis.host, port: t.rig.redis.port } });
    const children = [{ name: 'child', queueName: `${name}-child` }];
    await flows.add({ name: 'parent', queueName: name, opts: { jobId: 'parent' }, children });
    await flows.close();
    await t.queue(ns, 'flow', { name });
    await t.queue(ns, 'flow-to', { name: `${name}-to` });
    await t.settled(await t.backup(ns, 'flow', { queues: { names: ['flow'] } }), 'BackedUp');
    const spec = { from: { backup: { name: 'flow' } }, queues: [{ name: 'flow', to: { queue: 'flow-to' } }] };
    const refused = await t.settled(await t.restore(ns, 'refused', spec), 'OpenFlows');
    expect(findCondition(refused.status?.conditions, 'Ready')?.message).toContain(`${name}-child`);
    const target = t.producer(`${name}-to`);
    expect(await target.getJob('parent')).toBeUndefined();
    const cut = await t.settled(await t.restore(ns, 'cut', { ...spec, openFlows: 'Detach' }), 'Restored');
    expect(cut.status?.queues?.[0]?.detached).toEqual([expect.stringContaining('parent waits for')]);
    const ran = t.worker(`${name}-to`, t.rig.redis);
    await eventually(() => ran.includes('parent'));
  });

  it('that takes longer than activeDeadlineSeconds fails, and its run ends', async ({ expect }) => {
    await t.producer(`slow-${ns}`).addBulk(some(400));
    await t.queue(ns, 'slow', { name: `slow-${ns}` });
    const spec = { queues: { names: ['slow'] }, jobsPerSecond: 20, activeDeadlineSeconds: 1 };
    const { status } = await t.settled(await t.backup(ns, 'late', spec), 'DeadlineExceeded');
    expect(status).toMatchObject({ phase: 'Failed', completionTime: expect.any(String) });
    expect(status?.progress).toBeUndefined();
  });
});

it('whose controller ends is begun again by the next one, in a folder of its own; half of one does not stay', async ({
  expect,
}) => {
  const space = await t.namespace('restart');
  const name = `restart-${space}`;
  await t.producer(name).addBulk(some(600));
  await t.queue(space, 'restart', { name });
  const backup = await t.backup(space, 'restart', { queues: { names: ['restart'] }, jobsPerSecond: 400 });
  await eventually(async () => (await t.read(backup)).status?.phase === 'Running');
  await controller.stop();
  expect((await t.read(backup)).status?.phase).toBe('Running');
  // What a process had written that was killed.
  const half = join(t.volume, folderOf(backup), 'earlier/restart');
  mkdirSync(half, { recursive: true });
  writeFileSync(join(half, 'part-00001'), 'half');
  controller = await t.controller();
  const done = await t.settled(backup, 'BackedUp');
  const folders = new Set(filesOf(done).map((path) => path.split('/').slice(0, 3).join('/')));
  expect([...folders]).toEqual([`${space}/${done.status!.directory}`]);
  expect(done.status).toMatchObject({ jobs: 600 });
  expect(done.status?.failures).toBeUndefined();
});

it('a restore whose controller ends is continued by the next one, and every job is there once', async ({ expect }) => {
  const space = await t.namespace('continued');
  const name = `continued-${space}`;
  const source = t.producer(name);
  await source.addBulk(some(600));
  await t.queue(space, 'from', { name });
  await t.queue(space, 'to', { name, redis: { secretRef: { name: 'redis-other' } } });
  await t.settled(await t.backup(space, 'all', { queues: { names: ['from'] } }), 'BackedUp');
  const spec = {
    from: { backup: { name: 'all' } },
    queues: [{ name: 'from', to: { queue: 'to' } }],
    jobsPerSecond: 300,
  };
  const restore = await t.restore(space, 'all', spec);
  await eventually(async () => (await t.read(restore)).status?.progress?.step === 'Writing');
  await controller.stop();
  expect((await t.read(restore)).status?.phase).toBe('Running');
  controller = await t.controller();
  const done = await t.settled(restore, 'Restored');
  expect(done.status).toMatchObject({ phase: 'Completed', jobs: 600 });
  expect(done.status?.failures).toBeUndefined();
  const ids = async (queue: typeof source) => (await queue.getWaiting(0, 1_000)).map(({ id }) => id);
  expect(await ids(t.producer(name, t.other))).toEqual(await ids(source));
});

it('a restore whose backup is gone when it is begun again fails, and the queue is as it was before', async ({
  expect,
}) => {
  const space = await t.namespace('lost');
  const name = `lost-${space}`;
  await t.producer(name).addBulk(some(400));
  await t.queue(space, 'lost', { name, rateLimits: { maxJobsPerSecond: 5 } });
  await t.queue(space, 'lost-to', { name, redis: { secretRef: { name: 'redis-other' } } });
  const backup = await t.settled(await t.backup(space, 'lost', { queues: { names: ['lost'] } }), 'BackedUp');
  const restore = await t.restore(space, 'lost', {
    from: { backup: { name: 'lost' } },
    queues: [{ name: 'lost', to: { queue: 'lost-to' } }],
    jobsPerSecond: 50,
    backoffLimit: 0,
  });
  const target = t.producer(name, t.other);
  await eventually(() => target.isPaused());
  await controller.stop();
  await t.remove(backup);
  controller = await t.controller();
  const { status } = await t.settled(restore, 'BackoffLimitExceeded');
  expect(findCondition(status?.conditions, 'Failed')?.message).toContain('BackupNotFound');
  await eventually(async () => !(await target.isPaused()));
  expect(await target.getJobCountByTypes('waiting')).toBe(0);
});
