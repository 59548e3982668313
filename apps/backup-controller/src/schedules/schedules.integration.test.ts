import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  QUEUE_BACKUP_SCHEDULES,
  QUEUE_BACKUPS,
  QUEUE_RESTORES,
  QUEUES,
  type QueueBackupScheduleSpec,
} from '@redis-queue/api';
import { findCondition, keyOf, STATUS_MANAGER, timestamp } from '@redis-queue/controller';
import { eventually, startApiProxy, temporaryFolder, type Intercept } from '@redis-queue/rig';
import { startRig, type Rig, type RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BackupReaders } from '../runs/backup-readers.ts';
import { wireBackupController } from '../wire.ts';
import { backupName, type BackupObject, type ScheduleObject } from './schedules.ts';
import { countSlots, newestSlots, readTimetable, type Timetable } from './slots.ts';
import { scheduleObject } from './testing.fixture.ts';
import { manageSchedules } from './wire.ts';

// A real API server. In most tests backups are not run: the test writes what became of them.

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig?.[Symbol.asyncDispose]());

/** A jump of the clocks in Berlin, months ahead, so that there is much to miss until then. */
const jumpMs = nextJump();
const NIGHTLY = { schedule: '30 2 * * *', timeZone: 'Europe/Berlin' } as const;
const TABLE = readTimetable(NIGHTLY) as Timetable;

function nextJump(): number {
  const year = new Date(Date.now() + 30 * 86_400_000).getUTCFullYear();
  const jumps = [year, year + 1].map((each) => {
    const last = new Date(Date.UTC(each, 2, 31, 1));
    return last.getTime() - last.getUTCDay() * 86_400_000;
  });
  return jumps.find((ms) => ms > Date.now() + 30 * 86_400_000)!;
}

/** A namespace, and controllers whose clock is ahead of that of the machine. */
class Place {
  readonly namespace: string;
  aheadMs: number;
  readonly #running: RunningController[] = [];

  constructor(namespace: string, nowMs: number) {
    this.namespace = namespace;
    this.aheadMs = nowMs - Date.now();
  }

  async controller(kubeconfigPath?: string): Promise<RunningController> {
    const now = (): Date => new Date(Date.now() + this.aheadMs);
    const settings = {
      name: 'backup-controller',
      namespaces: [this.namespace],
      ...(kubeconfigPath && { kubeconfigPath }),
    };
    const running = await rig.controller(
      (manager) => manageSchedules(manager, new BackupReaders(manager.cache(QUEUE_RESTORES)), { concurrency: 2, now }),
      settings,
    );
    this.#running.push(running);
    return running;
  }

  /** With all kinds of the app, so that backups are run. */
  async whole(volumeDirectory: string): Promise<void> {
    const settings = {
      redisSecretNames: ['redis-credentials'],
      storageSecretNames: [],
      volumeDirectory,
      podIdentity: false,
      runs: 4,
      concurrency: 4,
      now: () => new Date(Date.now() + this.aheadMs),
    };
    const wire = (manager: RunningController['manager']): void => wireBackupController(manager, settings);
    this.#running.push(await rig.controller(wire, { name: 'backup-controller', namespaces: [this.namespace] }));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((each) => each.stop()));
  }

  async schedule(spec: Partial<QueueBackupScheduleSpec>, name = 'nightly'): Promise<ScheduleObject> {
    const whole = scheduleObject(spec).spec;
    return await rig.objects.create<ScheduleObject>(QUEUE_BACKUP_SCHEDULES, { namespace: this.namespace, name }, whole);
  }

  async backups(): Promise<BackupObject[]> {
    return (await rig.client.list<BackupObject>(QUEUE_BACKUPS, { namespace: this.namespace })).items;
  }

  async names(): Promise<string[]> {
    return (await this.backups()).map(({ metadata }) => metadata.name).toSorted();
  }

  /** A backup of a schedule that was there before, and that completed. */
  async former(slotMs: number): Promise<string> {
    const name = backupName('nightly', slotMs);
    const labels = { 'redis-queue.io/backup-schedule': 'nightly' };
    const spec = scheduleObject().spec.template.spec;
    const made = await rig.objects.create(QUEUE_BACKUPS, { namespace: this.namespace, name, labels }, spec);
    await this.end(made, 'Completed', slotMs);
    return name;
  }

  async end({ metadata }: { metadata: { name: string } }, phase: string, atMs: number): Promise<void> {
    const key = { namespace: this.namespace, name: metadata.name };
    const status = { phase, completionTime: timestamp(atMs) };
    await rig.client.mergePatch(QUEUE_BACKUPS, key, { status }, { subresource: 'status' });
  }
}

async function place(nowMs: number): Promise<Place> {
  return new Place(await rig.controlPlane.createNamespace('schedules'), nowMs);
}

/** What an API server does with a write whose answer never arrives. */
async function carryOut({ resource, verb, namespace, name, body }: Parameters<Intercept>[0]): Promise<void> {
  if (verb === 'create') await rig.client.create(QUEUE_BACKUPS, body as never);
  else if (verb === 'delete') await rig.client.delete(QUEUE_BACKUPS, { namespace, name });
  else if (resource === 'queuebackupschedules/status')
    await rig.client.apply(QUEUE_BACKUP_SCHEDULES, body as never, {
      fieldManager: STATUS_MANAGER,
      subresource: 'status',
      force: true,
    });
}

describe.concurrent('a backup schedule', () => {
  const writes = ['create queuebackups', 'apply queuebackupschedules/status', 'delete queuebackups'];
  const crashes = writes.flatMap((write) => (['before', 'after'] as const).map((when) => [when, write] as const));

  it.each(crashes)('whose controller ends %s its %s took effect loses and doubles nothing', async (when, what) => {
    const t = await place(jumpMs + 300_000);
    const [older, newer] = [await t.former(jumpMs - 300 * 86_400_000), await t.former(jumpMs - 299 * 86_400_000)];
    const schedule = await t.schedule({ ...NIGHTLY, retention: { count: 1, keepLastGood: 1 } });
    const reached = Promise.withResolvers<void>();
    let isOver = false;
    const intercept: Intercept = async (write) => {
      if (isOver || `${write.verb} ${write.resource}` !== what) return undefined;
      isOver = true;
      if (when === 'after') await carryOut(write);
      reached.resolve();
      return await new Promise<never>(() => undefined);
    };
    await using proxy = await startApiProxy(rig.controlPlane, intercept);
    await t.controller(proxy.kubeconfigPath);
    await reached.promise;
    await t.stop();

    await t.controller();
    const due = backupName('nightly', jumpMs);
    const { status } = await eventually(async () => {
      const now = await rig.objects.read(QUEUE_BACKUP_SCHEDULES, schedule);
      return now.status?.lastScheduleTime !== undefined && !(await t.names()).includes(older) && now;
    });
    await t.stop();
    const createdMs = Date.parse(schedule.metadata.creationTimestamp!);
    expect(await t.names()).toEqual([newer, due].toSorted());
    expect(status).toMatchObject({
      lastScheduleTime: timestamp(jumpMs),
      skipped: {
        count: countSlots(TABLE, createdMs, jumpMs - 1),
        latest: newestSlots(TABLE, createdMs, jumpMs - 1, 10).map((ms) => timestamp(ms)),
      },
    });
  });

  it('takes its backups at their times, tells what became of them, and leaves them when it goes', async () => {
    const t = await place(jumpMs - 1_500);
    const schedule = await t.schedule({ ...NIGHTLY, startingDeadlineSeconds: 600 });
    // Two of them, neither of which knows of the other.
    await Promise.all([t.controller(), t.controller()]);
    const before = await rig.objects.settled(QUEUE_BACKUP_SCHEDULES, schedule, 'Scheduled');
    expect(before.status?.nextScheduleTime).toBe(timestamp(jumpMs));
    const [backup] = await eventually(async () => {
      const found = await t.backups();
      return found.length > 0 && found;
    });
    expect(backup!.metadata).toMatchObject({
      name: backupName('nightly', jumpMs),
      labels: { 'redis-queue.io/backup-schedule': 'nightly' },
      annotations: { 'redis-queue.io/scheduled-for': timestamp(jumpMs) },
    });
    expect(backup!.spec).toEqual({ ...schedule.spec.template.spec, mode: 'Full' });
    await t.end(backup!, 'Failed', jumpMs + 60_000);
    const failed = await rig.objects.settled(QUEUE_BACKUP_SCHEDULES, schedule, 'BackupFailed', {
      condition: 'LastBackupFailed',
    });
    expect(failed.status).toMatchObject({ lastFailedBackup: backup!.metadata.name });
    expect(findCondition(failed.status?.conditions, 'Degraded')?.status).toBe('True');
    await eventually(async () => {
      const reasons = (await rig.objects.eventsOf(schedule)).map(({ reason }) => reason);
      return ['BackupCreated', 'BackupFailed'].every((reason) => reasons.includes(reason));
    });
    // A backup that is deleted is not taken again: a reconcile after it takes none.
    await rig.client.delete(QUEUE_BACKUPS, keyOf(backup!));
    await rig.client.mergePatch(QUEUE_BACKUP_SCHEDULES, keyOf(schedule), { spec: { suspend: true } });
    await rig.objects.settled(QUEUE_BACKUP_SCHEDULES, schedule, 'Suspended');
    await rig.client.mergePatch(QUEUE_BACKUP_SCHEDULES, keyOf(schedule), { spec: { suspend: false } });
    await rig.objects.settled(QUEUE_BACKUP_SCHEDULES, schedule, 'Scheduled');
    expect(await t.names()).toEqual([]);
    const former = await t.former(jumpMs - 86_400_000);
    await rig.client.delete(QUEUE_BACKUP_SCHEDULES, keyOf(schedule));
    await eventually(async () => (await rig.client.get(QUEUE_BACKUP_SCHEDULES, keyOf(schedule))) === undefined);
    await t.stop();
    expect(await t.names()).toEqual([former]);
  });

  it('has queues backed up, and those that retention deletes take their files along', async () => {
    const t = new Place(await rig.namespace('schedules'), jumpMs + 300_000);
    await rig.objects.create(QUEUES, { namespace: t.namespace, name: 'emails' });
    const { spec } = scheduleObject().spec.template;
    const template = { spec: { ...spec, deletionPolicy: 'Delete' as const } };
    const schedule = await t.schedule({ ...NIGHTLY, retention: { count: 1, keepLastGood: 1 }, template });
    const volume = temporaryFolder('schedules');
    const folders = (): string[] => readdirSync(join(volume, t.namespace)).map((name) => name.slice(0, -9));
    const nights = [backupName('nightly', jumpMs), backupName('nightly', jumpMs + 23.5 * 3_600_000)];
    for (const name of nights) {
      await t.whole(volume);
      await eventually(async () => {
        const { status } = await rig.objects.read(QUEUE_BACKUP_SCHEDULES, schedule);
        expect([status?.lastSuccessfulBackup, await t.names(), folders()]).toEqual([name, [name], [name]]);
        return true;
      });
      await t.stop();
      t.aheadMs += 24 * 3_600_000;
    }
  });

  it.each<[string, object, string]>([
    ['of six fields', { schedule: '0 0 2 * * *' }, 'spec.schedule'],
    ['in a time zone with a space', { timeZone: 'Europe/New Berlin' }, 'spec.timeZone'],
    ['with a deadline of seconds', { startingDeadlineSeconds: 10 }, 'spec.startingDeadlineSeconds'],
    ['that would replace backups', { concurrencyPolicy: 'Replace' }, 'spec.concurrencyPolicy'],
    ['that would keep no good backup', { retention: { count: 3, keepLastGood: 0 } }, 'keepLastGood'],
    ['whose retention deletes nothing', { retention: { keepLastGood: 2 } }, 'set one of them, or remove retention'],
    [
      'whose queues are given twice',
      { template: { spec: { queues: { names: ['a'], selector: {} }, storage: { volume: {} } } } },
      'set one of them',
    ],
  ])('%s is refused', async (_, spec, message) => {
    const t = await place(jumpMs);
    await expect(t.schedule(spec as Partial<QueueBackupScheduleSpec>)).rejects.toThrow(message);
  });

  it('whose name is too long for a label is refused', async () => {
    const t = await place(jumpMs);
    await expect(t.schedule({}, 'n'.repeat(53))).rejects.toThrow('at most 52 characters');
    await expect(t.schedule({}, 'n'.repeat(52))).resolves.toBeDefined();
  });
});
