import { findCondition } from '@redis-queue/controller';
import { beforeEach, describe, expect, it } from 'vitest';
import { ScheduleProcess } from './schedule-process.fixture.ts';
import type { BackupObject, ScheduleObject } from './schedules.ts';
import { at, backupObject, scheduleObject } from './testing.fixture.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let controller: ScheduleProcess;
let events: string[];
beforeEach(() => {
  controller = new ScheduleProcess();
  ({ events } = controller);
});

/** @param shown those of the backups that the cache has. */
const reconcile = (
  schedule: ScheduleObject,
  now: string,
  backups: readonly BackupObject[] = [],
  shown?: readonly BackupObject[],
) => controller.reconcile(schedule, now, { backups, shown });
const said = (status: ScheduleObject['status'], type: string): string | undefined => {
  const found = findCondition(status?.conditions, type);
  return found && `${found.status} ${found.reason}`;
};
const NAME = `nightly-${at('2026-03-02T02:00:00Z') / MINUTE}`;

describe('a schedule', () => {
  it('waits for its next time, and takes a backup then, whose name says of when it is', async () => {
    const before = await reconcile(scheduleObject(), '2026-03-02T01:30:00Z');
    expect(before).toMatchObject({ names: [], waitMs: 30 * MINUTE });
    expect(before.status).toMatchObject({
      nextScheduleTime: '2026-03-02T02:00:00Z',
      timetable: { schedule: '0 2 * * *', timeZone: 'UTC', since: '2026-03-01T12:00:00Z' },
    });
    expect(said(before.status, 'Ready')).toBe('True Scheduled');
    const then = await reconcile(before.after, '2026-03-02T02:00:00Z');
    expect(then.names).toEqual([NAME]);
    expect(then.status).toMatchObject({ lastScheduleTime: '2026-03-02T02:00:00Z', active: [NAME] });
    expect(events).toEqual([`BackupCreated: QueueBackup ${NAME} was created`]);
    // Deleted by whomever: it is not taken again.
    expect((await reconcile(then.after, '2026-03-02T03:00:00Z')).names).toEqual([]);
  });

  it('says that it waits for a backup that runs, until the deadline is over', async () => {
    const schedule = scheduleObject({ schedule: '0 * * * *', startingDeadlineSeconds: 1_200 });
    const running = backupObject(schedule, at('2026-03-01T13:00:00Z'), 'Running');
    const waiting = await reconcile(schedule, '2026-03-01T14:10:00Z', [running]);
    expect(said(waiting.status, 'Ready')).toBe('True WaitingForBackup');
    expect(findCondition(waiting.status.conditions, 'Ready')?.message).toContain(running.metadata.name);
    expect(waiting.waitMs).toBe(10 * MINUTE + 1);
    const over = await reconcile(waiting.after, '2026-03-01T14:20:00.001Z', [running]);
    expect(over.status.skipped).toEqual({ count: 1, latest: ['2026-03-01T14:00:00Z'] });
    expect(events[0]).toMatch(
      /^BackupsSkipped: The backup of 2026-03-01T14:00:00Z was skipped: .* an older one had not ended/,
    );
    expect(await controller.registry.metrics()).toContain('skipped_total{namespace="shop",schedule="nightly"} 1');
  });

  it.each([
    ['Forbid', 1],
    ['Allow', 10],
  ] as const)('that says %s has %i unfinished backups at most', async (concurrencyPolicy, most) => {
    const schedule = scheduleObject({ schedule: '0 * * * *', concurrencyPolicy });
    const running = Array.from({ length: most }, (_, n) =>
      backupObject(schedule, at('2026-03-01T13:00:00Z') - n * HOUR),
    );
    const full = await reconcile(schedule, '2026-03-01T14:10:00Z', running);
    expect([full.names.length, said(full.status, 'Ready')]).toEqual([most, 'True WaitingForBackup']);
    const free = await reconcile(schedule, '2026-03-01T14:10:00Z', running.slice(1));
    expect([free.names.length, said(free.status, 'Ready')]).toEqual([most, 'True Scheduled']);
  });

  it('is Suspended and begins nothing, and takes the newest one that passed when it goes on', async () => {
    const suspended = await reconcile(scheduleObject({ suspend: true }), '2026-03-05T12:00:00Z');
    expect(suspended.names).toEqual([]);
    expect([
      said(suspended.status, 'Suspended'),
      said(suspended.status, 'Ready'),
      said(suspended.status, 'Overdue'),
    ]).toEqual(['True Suspended', 'True Suspended', undefined]);
    const on = await reconcile(scheduleObject({}, suspended.status), '2026-03-05T12:00:00Z');
    expect(on.names).toEqual([`nightly-${at('2026-03-05T02:00:00Z') / MINUTE}`]);
    expect(said(on.status, 'Suspended')).toBeUndefined();
    expect(on.status.skipped?.count).toBe(3);
  });

  it('that is changed counts from then on: times of the new one that have passed are neither taken nor skipped', async () => {
    const { after } = await reconcile(scheduleObject(), '2026-03-02T02:00:00Z');
    for (const spec of [{ schedule: '*/10 * * * *' }, { schedule: '0 2 * * *', timeZone: 'America/New_York' }]) {
      const changed = await reconcile(scheduleObject(spec, after.status), '2026-03-02T12:00:00Z');
      expect(changed.names).toEqual([]);
      expect(changed.status.timetable?.since).toBe('2026-03-02T12:00:00Z');
      expect(changed.status).not.toHaveProperty('skipped');
      expect(changed.status.lastScheduleTime).toBe('2026-03-02T02:00:00Z');
      const next = await reconcile(changed.after, changed.status.nextScheduleTime!);
      expect(next.names).toHaveLength(1);
    }
  });

  it('that a wrong clock has taken into the future goes on from now', async () => {
    const { after } = await reconcile(scheduleObject(), '2027-03-02T02:00:00Z');
    const back = await reconcile(after, '2026-03-02T12:00:00Z');
    expect(back.status).not.toHaveProperty('lastScheduleTime');
    expect((await reconcile(back.after, '2026-03-03T02:00:00Z')).names).toHaveLength(1);
  });

  it('finds that another process has created the backup, before any cache shows it', async () => {
    const created = backupObject(scheduleObject(), at('2026-03-02T02:00:00Z'));
    const { names, status } = await reconcile(scheduleObject(), '2026-03-02T02:00:00Z', [created], []);
    expect([names, said(status, 'Ready'), status.lastScheduleTime]).toEqual([
      [NAME],
      'True Scheduled',
      '2026-03-02T02:00:00Z',
    ]);
    expect(events).toEqual([]);
  });

  it('leaves a backup of somebody else that has its name, says so, and tries again', async () => {
    const other = backupObject(scheduleObject({}, undefined, { name: 'other' }), 0);
    other.metadata.name = NAME;
    const found = await reconcile(scheduleObject(), '2026-03-02T02:00:00Z', [other]);
    expect(said(found.status, 'Ready')).toBe('False BackupExists');
    expect(found.status).not.toHaveProperty('lastScheduleTime');
    expect(found.waitMs).toBeLessThan(2_000);
    const next = await reconcile(found.after, '2026-03-03T02:00:00Z', [other]);
    expect(next.status.skipped).toEqual({ count: 1, latest: ['2026-03-02T02:00:00Z'] });
  });

  it('that cannot be read is Stalled, and forgets nothing', async () => {
    const { after } = await reconcile(scheduleObject(), '2026-03-04T02:00:00Z');
    const schedule = scheduleObject({ schedule: '0 0 31 4,6 *' }, after.status);
    const { status, names } = await reconcile(schedule, '2026-03-05T12:00:00Z');
    expect(said(status, 'Stalled')).toBe('True ScheduleInvalid');
    expect(findCondition(status.conditions, 'Ready')?.message).toMatch(/^spec.schedule "0 0 31 4,6 \*" never comes/);
    expect(names).toEqual([]);
    expect(status).toMatchObject({ lastScheduleTime: '2026-03-04T02:00:00Z', skipped: { count: 2 } });
  });
});

describe('its backups', () => {
  const schedule = scheduleObject({ retention: { count: 2, keepLastGood: 1 } });
  const restoredByVelero = {
    type: 'Ready',
    status: 'False' as const,
    reason: 'RestoredByVelero',
    message: 'it is a copy',
    lastTransitionTime: '2026-03-01T12:00:00Z',
  };
  const backup = (day: number, phase: 'Completed' | 'Failed' | 'Running') =>
    backupObject(schedule, at(`2026-03-0${day}T02:00:00Z`), phase);

  it('are told: the last good one and the last failure, which degrades it until one completes', async () => {
    const failed = await reconcile(schedule, '2026-03-03T03:00:00Z', [backup(2, 'Completed'), backup(3, 'Failed')]);
    expect(failed.status).toMatchObject({
      lastSuccessfulTime: '2026-03-02T02:01:00Z',
      lastSuccessfulBackup: NAME,
      lastFailedTime: '2026-03-03T02:01:00Z',
    });
    expect(said(failed.status, 'LastBackupFailed')).toBe('True BackupFailed');
    expect(findCondition(failed.status.conditions, 'LastBackupFailed')?.message).toContain(
      'StorageDenied: no right to put',
    );
    expect(said(failed.status, 'Degraded')).toBe('True BackupFailed');
    expect(said(failed.status, 'Ready')).toBe('True Scheduled');
    expect(events.map((text) => text.split(':')[0])).toEqual(['BackupCompleted', 'BackupFailed']);
    const texts = await controller.registry.metrics();
    expect(texts).toContain('failures_total{namespace="shop",schedule="nightly",reason="StorageDenied"} 1');
    expect(texts).toContain('last_success_timestamp_seconds{namespace="shop",schedule="nightly"} 1772416860');
    expect(texts).toContain('last_success_age_seconds{namespace="shop",schedule="nightly"} 89940');
    expect(texts).toContain('expected_interval_seconds{namespace="shop",schedule="nightly"} 86400');
    expect(texts).toContain('last_failure_timestamp_seconds{namespace="shop",schedule="nightly"} 1772503260');
    expect(texts).toContain('schedule_overdue{namespace="shop",schedule="nightly"} 0');
    // Both are gone: what is known stays known, and is told once.
    const later = await reconcile(failed.after, '2026-03-03T04:00:00Z');
    expect(later.status).toEqual(failed.status);
    expect(events).toHaveLength(2);
    const good = await reconcile(later.after, '2026-03-04T03:00:00Z', [backup(4, 'Completed')]);
    expect([said(good.status, 'LastBackupFailed'), said(good.status, 'Degraded')]).toEqual([
      undefined,
      'False AsExpected',
    ]);
  });

  it('that lack queues are no success, degrade it until one has all, and end a failure', async () => {
    const lacking = backup(4, 'Completed');
    lacking.status!.leftOut = [{ name: 'bills', reason: 'QueueUnreadable', message: 'no list' }];
    const all = [backup(2, 'Completed'), backup(3, 'Failed'), lacking];
    const partial = await reconcile(schedule, '2026-03-04T03:00:00Z', all);
    expect(partial.status).toMatchObject({
      lastSuccessfulTime: '2026-03-02T02:01:00Z',
      lastPartialTime: '2026-03-04T02:01:00Z',
      lastPartialBackup: lacking.metadata.name,
    });
    expect(['LastBackupFailed', 'LastBackupIncomplete', 'Degraded'].map((type) => said(partial.status, type))).toEqual([
      undefined,
      'True BackupIncomplete',
      expect.stringMatching(/^True Backup(?:Incomplete|Overdue)$/),
    ]);
    expect(findCondition(partial.status.conditions, 'LastBackupIncomplete')?.message).toContain('does not have bills');
    // Two times have passed since one that has all queues.
    expect(said(partial.status, 'Overdue')).toBe('True BackupOverdue');
    expect(events.map((text) => text.split(':')[0])).toEqual(['BackupCompleted', 'BackupIncomplete', 'BackupFailed']);
    expect(await controller.registry.metrics()).toContain(
      `last_partial_timestamp_seconds{namespace="shop",schedule="nightly"} ${at('2026-03-04T02:01:00Z') / 1_000}`,
    );
    const later = await reconcile(partial.after, '2026-03-04T04:00:00Z', []);
    expect(said(later.status, 'LastBackupIncomplete')).toBe('True BackupIncomplete');
    const good = await reconcile(later.after, '2026-03-05T03:00:00Z', [backup(5, 'Completed')]);
    expect(said(good.status, 'LastBackupIncomplete')).toBeUndefined();
  });

  it('that Velero has created without their status are neither good, failed, waited for nor deleted', async () => {
    const copies = [2, 3].map((day) => {
      const copy = backup(day, 'Failed');
      return { ...copy, status: { ...copy.status, conditions: [restoredByVelero] } };
    });
    const { status, names } = await reconcile(schedule, '2026-03-04T02:00:00Z', copies);
    expect(names).toHaveLength(3);
    expect([said(status, 'LastBackupFailed'), said(status, 'Ready')]).toEqual([undefined, 'True Scheduled']);
    expect(events.map((text) => text.split(':')[0])).toEqual(['BackupCreated', 'BackupsSkipped']);
  });

  it('are overdue when two times have passed, an hour at least', async () => {
    const good = await reconcile(schedule, '2026-03-02T03:00:00Z', [backup(2, 'Completed')]);
    const running = backup(3, 'Running');
    const before = await reconcile(good.after, '2026-03-04T01:59:59Z', [running]);
    expect([said(before.status, 'Overdue'), before.waitMs]).toEqual([undefined, 1_000]);
    const after = await reconcile(before.after, '2026-03-04T02:00:00Z', [running]);
    expect([said(after.status, 'Overdue'), said(after.status, 'Degraded')]).toEqual([
      'True BackupOverdue',
      'True BackupOverdue',
    ]);
    const often = scheduleObject({ schedule: '*/5 * * * *' });
    const [early, late] = ['2026-03-01T13:04:59Z', '2026-03-01T13:05:00Z'];
    expect(said((await reconcile(often, early)).status, 'Overdue')).toBeUndefined();
    expect(said((await reconcile(often, late)).status, 'Overdue')).toBe('True BackupOverdue');
  });

  it('are deleted when they are too many, after the new one was created, and no other’s are', async () => {
    const other = backupObject(
      scheduleObject({}, undefined, { name: 'other' }),
      at('2026-03-02T02:00:00Z'),
      'Completed',
    );
    const mine = [2, 3, 4].map((day) => backup(day, 'Completed'));
    const { names, status } = await reconcile(schedule, '2026-03-05T02:00:00Z', [...mine, other]);
    expect(names).toEqual([mine[1], mine[2], other].map((each) => each!.metadata.name).concat(status.active!));
    expect(events.filter((text) => text.startsWith('BackupDeleted'))).toEqual([
      `BackupDeleted: QueueBackup ${NAME} was deleted, as spec.retention says`,
    ]);
  });

  it('are deleted a few at a time', async () => {
    const hourly = scheduleObject({ schedule: '0 * * * *', retention: { count: 1, keepLastGood: 1 } });
    const many = Array.from({ length: 30 }, (_, n) =>
      backupObject(hourly, at('2026-03-01T13:00:00Z') + n * HOUR, 'Completed'),
    );
    const first = await reconcile(hourly, '2026-03-02T18:30:00Z', many);
    expect([first.names.length, first.waitMs]).toEqual([10, 0]);
  });

  it('leave no series when the schedule is deleted', async () => {
    await reconcile(schedule, '2026-03-03T03:00:00Z', [backup(2, 'Completed'), backup(3, 'Failed')]);
    expect(await controller.registry.metrics()).toContain('nightly');
    controller.metrics.forget('s1');
    expect(await controller.registry.metrics()).not.toContain('nightly');
  });
});
