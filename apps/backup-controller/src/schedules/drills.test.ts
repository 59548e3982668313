import { findCondition } from '@redis-queue/controller';
import { beforeEach, describe, expect, it } from 'vitest';
import { ScheduleProcess } from './schedule-process.fixture.ts';
import type { ScheduleObject } from './schedules.ts';
import { at, backupObject, drillObject, scheduleObject } from './testing.fixture.ts';

let controller: ScheduleProcess;
let events: string[];
beforeEach(() => {
  controller = new ScheduleProcess();
  ({ events } = controller);
});

const verify = { mode: 'Restore', activeDeadlineSeconds: 21_600 } as const;
const schedule = scheduleObject({ verify });
const backup = (day: number) => backupObject(schedule, at(`2026-03-0${day}T02:00:00Z`), 'Completed');
const nameOf = (day: number): string => backup(day).metadata.name;
const drill = (day: number, phase?: 'Completed' | 'Failed', hour = '03') =>
  drillObject(schedule, nameOf(day), phase, at(`2026-03-0${day}T${hour}:00:00Z`));
const said = (status: ScheduleObject['status'], type: string): string | undefined => {
  const found = findCondition(status?.conditions, type);
  return found && `${found.status} ${found.reason}`;
};

describe('a drill', () => {
  it('is a scratch restore of the newest backup, under a name of its own; it belongs to the schedule', async () => {
    const spec = { verify: { ...verify, scratch: { secretRef: { name: 's' } }, jobsPerSecond: 9 } };
    const found = await controller.reconcile(scheduleObject(spec), '2026-03-03T02:30:00Z', {
      backups: [backup(2), backup(3)],
    });
    expect(found.createdDrills).toMatchObject([
      {
        metadata: {
          name: `${nameOf(3)}-drill`,
          labels: { 'redis-queue.io/backup-schedule': 'nightly' },
          ownerReferences: [{ kind: 'QueueBackupSchedule', name: 'nightly', uid: 's1', controller: true }],
        },
        spec: {
          from: { backup: { name: nameOf(3) } },
          scratch: { secretRef: { name: 's' } },
          deadLetters: true,
          openFlows: 'Detach',
          jobsPerSecond: 9,
          activeDeadlineSeconds: 21_600,
        },
      },
    ]);
    expect(found.status).toMatchObject({
      lastVerificationTime: '2026-03-03T02:30:00Z',
      lastVerificationBackup: nameOf(3),
      activeVerification: `${nameOf(3)}-drill`,
    });
    expect(events).toContain(
      `VerificationCreated: QueueRestore ${nameOf(3)}-drill was created, to try QueueBackup ${nameOf(3)}`,
    );
    // Deleted by whomever: it is not tried again.
    expect((await controller.reconcile(found.after, '2026-03-03T03:00:00Z', { backups: [backup(3)] })).drills).toEqual(
      [],
    );
  });

  it('is none without spec.verify, and none begins while the schedule is suspended', async () => {
    for (const spec of [{}, { verify, suspend: true }]) {
      const found = await controller.reconcile(scheduleObject(spec), '2026-03-03T02:30:00Z', { backups: [backup(3)] });
      expect(found.drills).toEqual([]);
    }
  });

  it('that succeeded keeps its backup while the drills of newer ones fail, and as long as there are drills', async () => {
    const retention = { count: 3, keepLastGood: 1 };
    const backups = [2, 3, 4, 5].map(backup);
    const drills = [drill(2, 'Completed'), ...[3, 4, 5].map((day) => drill(day, 'Failed'))];
    const retained = async (
      spec: Parameters<typeof scheduleObject>[0],
      more: Parameters<typeof scheduleObject>[1] = {},
    ) => (await controller.reconcile(scheduleObject(spec, more), '2026-03-05T04:00:00Z', { backups, drills })).names;
    expect(await retained({ verify, retention })).toEqual([2, 3, 4, 5].map(nameOf));
    // Also by the status alone: that drill itself goes with time.
    drills.shift();
    expect(await retained({ verify, retention }, { lastVerifiedBackup: nameOf(2) })).toEqual([2, 3, 4, 5].map(nameOf));
    expect(await retained({ retention }, { lastVerifiedBackup: nameOf(2) })).toEqual([3, 4, 5].map(nameOf));
    drills.push(drill(5, 'Completed', '04'));
    expect(await retained({ verify, retention }, { lastVerifiedBackup: nameOf(2) })).toEqual([3, 4, 5].map(nameOf));
  });

  it('that succeeds is told, with how long it took', async () => {
    const { status, after } = await controller.reconcile(schedule, '2026-03-03T03:10:00Z', {
      backups: [backup(3)],
      drills: [drill(3, 'Completed')],
    });
    expect(status).toMatchObject({
      lastVerifiedTime: '2026-03-03T03:00:00Z',
      lastVerifiedBackup: nameOf(3),
      lastVerifiedDurationSeconds: 8,
      lastVerifiedJobs: 7,
    });
    expect([said(status, 'VerificationFailed'), status.activeVerification]).toEqual([undefined, undefined]);
    expect(events.filter((text) => text.includes('Verified'))).toEqual([
      `BackupVerified: QueueBackup ${nameOf(3)} was restored, compared and removed: 7 jobs in 8 s`,
    ]);
    const texts = await controller.registry.metrics();
    expect(texts).toContain(`last_verified_timestamp_seconds{namespace="shop",schedule="nightly"} 1772506800`);
    expect(texts).toContain('last_verified_age_seconds{namespace="shop",schedule="nightly"} 600');
    expect(texts).toContain('verification_duration_seconds{namespace="shop",schedule="nightly"} 8');
    // It is gone: what is known stays known, and is told once.
    const later = await controller.reconcile(after, '2026-03-03T03:20:00Z', { backups: [backup(3)] });
    expect(later.status).toEqual(status);
    expect(events.filter((text) => text.startsWith('BackupVerified'))).toHaveLength(1);
  });

  it('that fails degrades the schedule until one succeeds, and the next backup is tried at once', async () => {
    const weekly = scheduleObject({ verify: { ...verify, every: '7d' } });
    const failed = await controller.reconcile(weekly, '2026-03-03T03:10:00Z', {
      backups: [backup(3)],
      drills: [drill(3, 'Failed')],
    });
    expect(failed.status).toMatchObject({
      lastVerificationFailedTime: '2026-03-03T03:00:00Z',
      lastVerificationFailedBackup: nameOf(3),
    });
    expect([said(failed.status, 'VerificationFailed'), said(failed.status, 'Degraded')]).toEqual([
      'True VerificationFailed',
      'True VerificationFailed',
    ]);
    const message = `QueueBackup ${nameOf(3)} could not be restored: QueueRestore ${nameOf(3)}-drill: BackupDamaged: a part is not what was written`;
    expect(findCondition(failed.status.conditions, 'VerificationFailed')?.message).toBe(message);
    expect(events).toContain(`VerificationFailed: ${message}`);
    expect(await controller.registry.metrics()).toContain(
      'verification_failures_total{namespace="shop",schedule="nightly",reason="BackupDamaged"} 1',
    );
    const next = await controller.reconcile(failed.after, '2026-03-04T02:10:00Z', { backups: [backup(4)] });
    expect(next.drills).toEqual([`${nameOf(4)}-drill`]);
    expect(findCondition(next.status.conditions, 'VerificationFailed')?.message).toBe(message);
    const good = await controller.reconcile(next.after, '2026-03-04T03:10:00Z', {
      backups: [backup(4)],
      drills: [drill(4, 'Completed')],
    });
    expect([said(good.status, 'VerificationFailed'), said(good.status, 'Degraded')]).toEqual([
      undefined,
      'False AsExpected',
    ]);
    // Without drills nobody would ever take it back.
    const without = await controller.reconcile(
      { ...failed.after, spec: scheduleObject().spec },
      '2026-03-03T04:00:00Z',
      {},
    );
    expect(said(without.status, 'VerificationFailed')).toBeUndefined();
  });

  it('is looked at again when `every` is over, for the newest backup of then', async () => {
    const daily = scheduleObject({ schedule: '0 * * * *', verify: { ...verify, every: '2h' } });
    const hourly = (hour: number) =>
      backupObject(daily, at(`2026-03-03T0${hour}:00:00Z`), 'Completed', at(`2026-03-03T0${hour}:01:00Z`));
    const first = await controller.reconcile(daily, '2026-03-03T01:05:00Z', { backups: [hourly(1)] });
    const done = drillObject(daily, hourly(1).metadata.name, 'Completed', at('2026-03-03T01:06:00Z'));
    const early = await controller.reconcile(first.after, '2026-03-03T02:55:00Z', {
      backups: [hourly(1), hourly(2)],
      drills: [done],
    });
    expect([early.createdDrills, early.waitMs]).toEqual([[], 300_000]);
    const then = await controller.reconcile(early.after, '2026-03-03T03:05:00Z', {
      backups: [hourly(1), hourly(2), hourly(3)],
      drills: [done],
    });
    expect(then.createdDrills.map(({ metadata }) => metadata.name)).toEqual([`${hourly(3).metadata.name}-drill`]);
  });

  it('keeps its backup from being deleted as long as it runs; of those that ended the newest three stay', async () => {
    const retaining = scheduleObject({ verify, retention: { count: 1, keepLastGood: 1 } });
    const running = await controller.reconcile(retaining, '2026-03-04T02:30:00Z', {
      backups: [backup(3), backup(4)],
      drills: [drill(3)],
    });
    expect(running.names).toEqual([nameOf(3), nameOf(4)]);
    const ended = await controller.reconcile(retaining, '2026-03-09T02:30:00Z', {
      backups: [backup(8)],
      drills: [4, 5, 6, 7, 8].map((day) => drill(day, 'Completed')),
    });
    expect(ended.drills).toEqual([6, 7, 8].map((day) => `${nameOf(day)}-drill`));
    expect(events.filter((text) => text.startsWith('VerificationDeleted'))).toHaveLength(2);
  });

  it('of somebody else under its name stays, and is told', async () => {
    const other = drill(3);
    other.metadata.labels = {};
    const found = await controller.reconcile(schedule, '2026-03-03T02:30:00Z', {
      backups: [backup(3)],
      drills: [other],
    });
    expect(said(found.status, 'Ready')).toBe('False VerificationExists');
    expect(found.status.lastVerificationBackup).toBeUndefined();
  });

  it('leaves no series when its schedule is deleted', async () => {
    await controller.reconcile(schedule, '2026-03-03T03:10:00Z', {
      backups: [backup(3)],
      drills: [drill(2, 'Failed', '02'), drill(3, 'Completed')],
    });
    controller.metrics.forget('s1');
    expect(await controller.registry.metrics()).toContain('nightly');
    controller.drillMetrics.forget('s1');
    expect(await controller.registry.metrics()).not.toContain('nightly');
  });
});
