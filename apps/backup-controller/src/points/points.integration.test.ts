import { readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { QueueBackupSpec } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { eventually, startApiProxy, startS3Proxy, type RedisServer } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { BackupObject } from '../backups/steps.ts';
import { TestCluster } from '../testing/cluster.ts';

// Real jobs of BullMQ, two servers of Redis, an API server, a bucket and a volume; walls 2, 4 and 6.

let t: TestCluster;
beforeAll(async () => {
  t = await TestCluster.start();
});
afterAll(() => t?.[Symbol.asyncDispose]());

/** A namespace with one Queue, an incremental backup of it, and controllers whose clock a test can set forward. */
class Place implements AsyncDisposable {
  readonly namespace: string;
  /** Of the queue in Redis. */
  readonly name: string;
  #aheadMs = 0;
  #looks = 0;
  #controller: RunningController | undefined;

  private constructor(namespace: string) {
    this.namespace = namespace;
    this.name = `q-${namespace}`;
  }

  static async start(): Promise<Place> {
    const place = new Place(await t.namespace('points'));
    await t.queue(place.namespace, 'emails', { name: place.name });
    return place;
  }

  async controller(kubeconfigPath?: string): Promise<RunningController> {
    await this.stop();
    const now = (): Date => new Date(Date.now() + this.#aheadMs);
    const more = { namespaces: [this.namespace], ...(kubeconfigPath && { kubeconfigPath }) };
    this.#controller = await t.controller({ now }, more);
    return this.#controller;
  }

  async stop(): Promise<void> {
    await this.#controller?.stop();
    this.#controller = undefined;
  }

  backup(spec: Partial<QueueBackupSpec> = {}): Promise<BackupObject> {
    const incremental = { every: '10s', fullEvery: '1h', keep: '1h' };
    return t.backup(this.namespace, 'always', {
      mode: 'Incremental',
      incremental,
      queues: { names: ['emails'] },
      ...spec,
    });
  }

  /** Sets the clocks forward, and has the backup looked at. */
  async later(backup: BackupObject, seconds = 60): Promise<void> {
    this.#aheadMs += seconds * 1_000;
    await t.patch(backup, { spec: { incremental: { every: `${10 + (++this.#looks % 2)}s` } } });
  }

  /** The backup with its next point. */
  async next(backup: BackupObject, seconds?: number): Promise<BackupObject> {
    const before = (await t.read(backup)).status?.incremental?.lastPointTime;
    await this.later(backup, seconds);
    return await eventually(async () => {
      const now = await t.read(backup);
      if (now.status?.incremental && now.status.incremental.lastPointTime !== before) return now;
      throw new Error(`still of ${before}: ${JSON.stringify(now.status?.conditions)}`);
    });
  }

  /** Restores into a queue of its own at the other Redis; what is there then. */
  async restored(to: string, at?: string): Promise<unknown> {
    const name = `${to}-${this.namespace}`;
    await t.queue(this.namespace, to, { name, redis: { secretRef: { name: 'redis-other' } } });
    const from = { backup: { name: 'always', ...(at !== undefined && { at }) } };
    const queues = [{ name: 'emails', to: { queue: to } }];
    await t.settled(await t.restore(this.namespace, to, { from, queues, resume: false }), 'RestoredPaused');
    return await contentOf(name, t.other);
  }

  /** The files of a backup or of a chain in the volume, by the folder in which they lie, such as a chain or a point. */
  filesOf({ metadata: { name, uid = '' } }: BackupObject, chain = ''): Record<string, string[]> {
    const root = join(t.volume, this.namespace, `${name}-${uid.slice(0, 8)}`, chain);
    const paths = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split('/'));
    const byFolder = Object.groupBy(paths, ([folder = '']) => folder);
    return Object.fromEntries(
      Object.entries(byFolder)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([folder, files = []]) => [folder, files.map((path) => path.slice(1).join('/'))]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The jobs of a queue that is not worked on: data by id, with how each is to run. */
async function contentOf(name: string, server: RedisServer = t.rig.redis): Promise<Record<string, unknown>> {
  const jobs = await t.producer(name, server).getJobs(['waiting', 'delayed', 'prioritized']);
  return Object.fromEntries(jobs.map(({ id = '', data, opts }) => [id, [data as unknown, opts.priority]]));
}

/** Of all points that a controller has taken, once it has counted so many: it does after it has written the status. */
async function changedJobs(controller: RunningController, points: number): Promise<number> {
  await eventually(async () => (await controller.sumOf(/^redis_queue_incremental_backup_points_total\{/)) === points, {
    description: `${points} points to be counted`,
  });
  return await controller.sumOf(/^redis_queue_incremental_backup_changed_jobs_total\{/);
}

const degraded = ({ status }: BackupObject) => findCondition(status?.conditions, 'Degraded');
const some = (count: number) => Array.from({ length: count }, (_, n) => ({ name: 'j', data: { n } }));

describe.concurrent('an incremental backup', () => {
  it('has what changed in each point, and gives back the queue as it was at any of them', async ({ expect }) => {
    await using place = await Place.start();
    const controller = await place.controller();
    const queue = t.producer(place.name);
    await queue.addBulk(some(60));
    const backup = await place.backup({ storage: t.bucket, encryption: { secretRef: { name: 'backup-key' } } });
    const first = await t.settled(backup, 'PointsTaken');
    expect(first.status).toMatchObject({ phase: 'Running', jobs: 60, formatVersion: 1 });
    const [changed, removed] = await queue.getWaiting(0, 1);
    const contents = [await contentOf(place.name)];

    await changed!.updateData({ n: 'changed' });
    await removed!.remove();
    await queue.add('urgent', {}, { jobId: 'urgent', priority: 3 });
    contents.push(await contentOf(place.name));
    const second = await place.next(backup);
    expect(second.status).toMatchObject({
      jobs: 60,
      formatVersion: 2,
      incremental: { chains: [{ number: 1, points: 2 }] },
    });
    expect(await changedJobs(controller, 2)).toBe(62);

    // The next controller reads what was there from the bucket.
    await place.controller();
    await changed!.updateData({ n: 'again' });
    await queue.add('later', {}, { jobId: 'later', delay: 3_600_000 });
    contents.push(await contentOf(place.name));
    const third = await place.next(backup);
    expect(third.status?.incremental?.chains).toMatchObject([{ number: 1, points: 3 }]);
    const more = await place.controller();
    await place.next(backup);
    expect(await changedJobs(more, 1)).toBe(0);

    const times = [first, second, third].map(({ status }) => status?.incremental?.lastPointTime);
    const found = await Promise.all(times.map((time, n) => place.restored(`to-${n}`, time)));
    expect(found).toEqual(contents);
    expect(await place.restored('newest')).toEqual(contents[2]);

    const from = { backup: { name: 'always', at: '2026-01-01T00:00:00Z' } };
    const early = await t.settled(await t.restore(place.namespace, 'early', { from }), 'PointNotFound');
    expect(findCondition(early.status?.conditions, 'Ready')?.message).toContain(`has points of ${times[0]} to `);
  });

  it('is degraded while its storage refuses it, and then has what changed meanwhile', async ({ expect }) => {
    await using place = await Place.start();
    await place.controller();
    let isDown = false;
    const denied = { kind: 'answer', status: 403, code: 'AccessDenied' } as const;
    await using proxy = await startS3Proxy({ port: Number(new URL(t.s3.endpoint).port) }, () =>
      isDown ? denied : undefined,
    );
    const queue = t.producer(place.name);
    await queue.addBulk(some(20));
    const storage = { s3: { ...t.bucket.s3!, endpoint: proxy.endpoint } };
    const backup = await place.backup({ storage, deletionPolicy: 'Delete' });
    const first = await t.settled(backup, 'PointsTaken');
    isDown = true;
    await queue.addBulk(some(5));
    await place.later(backup);
    const failing = await eventually(async () => {
      const now = await t.read(backup);
      if (degraded(now)?.status === 'True') return now;
      throw new Error('not degraded');
    });
    expect(degraded(failing)?.reason).toBe('StorageDenied');
    expect(findCondition(failing.status?.conditions, 'Ready')?.status).toBe('True');
    expect(failing.status?.incremental).toEqual(first.status?.incremental);
    isDown = false;
    const before = proxy.requests.length;
    const mended = await place.next(backup);
    // docs/backups.md counts them: each costs money, each half a minute. The SDK may ask again on a busy machine.
    const asked = new Set(proxy.requests.slice(before).map(({ method, url }) => `${method} ${url}`));
    expect(asked.size, [...asked].join('\n')).toBeLessThanOrEqual(8);
    expect(degraded(mended)?.status).toBe('False');
    expect(mended.status).toMatchObject({ jobs: 25, incremental: { chains: [{ number: 1, points: 2 }] } });
    expect(mended.status?.failures).toBeUndefined();
    expect(await place.restored('after')).toEqual(await contentOf(place.name));
    await t.remove(backup);
    await t.gone(backup);
    const { directory = '' } = mended.status ?? {};
    const storageLeft = await t.restore(place.namespace, 'nothing', { from: { storage: t.bucket, directory } });
    await t.settled(storageLeft, 'BackupNotFound');
  });

  it('whose controller ends between manifest and status takes that point again, and none is there twice', async ({
    expect,
  }) => {
    await using place = await Place.start();
    let isLost = false;
    const body = { kind: 'Status', status: 'Failure', reason: 'InternalError', message: 'lost', code: 500 };
    await using proxy = await startApiProxy(t.rig.controlPlane, ({ resource }) =>
      isLost && resource === 'queuebackups/status' ? { code: 500, body } : undefined,
    );
    await place.controller(proxy.kubeconfigPath);
    const queue = t.producer(place.name);
    await queue.addBulk(some(20));
    const backup = await place.backup();
    await t.settled(backup, 'PointsTaken');
    await queue.addBulk(some(2));
    isLost = true;
    await place.later(backup);
    const lost = await eventually(() => {
      const points = Object.entries(place.filesOf(backup, 'c00001'));
      const [folder] =
        points.find(([name, files]) => name.startsWith('000001-') && files.includes('manifest.json')) ?? [];
      if (folder !== undefined) return folder;
      throw new Error('no manifest yet');
    });
    await place.stop();
    expect((await t.read(backup)).status?.incremental?.chains[0]?.points).toBe(1);

    await queue.addBulk(some(3));
    await place.controller();
    const again = await place.next(backup);
    const [chain] = again.status?.incremental?.chains ?? [];
    expect(chain).toMatchObject({ number: 1, points: 2 });
    const folders = Object.keys(place.filesOf(backup, 'c00001'));
    expect(folders).toHaveLength(2);
    expect(folders).not.toContain(lost);
    expect(chain?.directory.endsWith(`c00001/${folders[1]}`)).toBe(true);
    expect(await place.restored('whole')).toEqual(await contentOf(place.name));

    // Somebody removes the newest point: nothing could be restored of what is added to it.
    await place.stop();
    const [newest] = (await t.read(backup)).status?.incremental?.chains ?? [];
    rmSync(join(t.volume, place.namespace, newest!.directory, 'manifest.json'));
    await place.controller();
    const broken = await place.next(backup);
    expect(broken.status?.incremental?.chains).toMatchObject([{ number: 2, points: 1 }, { number: 1 }]);
    const events = await eventually(async () => {
      const found = (await t.rig.objects.eventsOf(backup)).filter(({ reason }) => reason === 'ChainBroken');
      if (found.length > 0) return found;
      throw new Error('no event');
    });
    expect(events[0]).toMatchObject({ type: 'Warning', message: expect.stringContaining('manifest.json') });
    expect(await place.restored('mended')).toEqual(await contentOf(place.name));

    // Hours later the older chain goes from the storage and from the status, and the newest stays.
    await place.next(backup, 7_200);
    await place.later(backup);
    await eventually(() => !('c00001' in place.filesOf(backup)));
    const retained = await eventually(async () => {
      const { chains = [] } = (await t.read(backup)).status?.incremental ?? {};
      if (chains.every(({ number }) => number > 1)) return chains;
      throw new Error('the chain is still there');
    });
    expect(retained[0]?.points).toBeGreaterThan(0);
    expect(await place.restored('last')).toEqual(await contentOf(place.name));
  });

  it('is gone on with by the next leader, which takes the point that the former one had not finished', async ({
    expect,
  }) => {
    await using place = await Place.start();
    await place.controller();
    const queue = t.producer(place.name);
    await queue.addBulk(some(600));
    const backup = await place.backup({ jobsPerSecond: 100 });
    await t.settled(backup, 'BackingUp');
    await place.stop();
    expect((await t.read(backup)).status?.incremental?.chains ?? []).toEqual([]);
    await place.controller();
    const { status } = await t.settled(backup, 'PointsTaken');
    expect(status).toMatchObject({ jobs: 600, incremental: { chains: [{ number: 1, points: 1 }] } });
    expect(status?.failures).toBeUndefined();
    expect(Object.keys(place.filesOf(backup, 'c00001'))).toHaveLength(1);
    expect(await place.restored('all')).toEqual(await contentOf(place.name));
  });
});
