import type { QueueBackupScheduleReason, QueueBackupScheduleStatus } from '@redis-queue/api';
import { saidBefore, timestamp, type Notice } from '@redis-queue/controller';
import type { DrillHistory } from './due-drill.ts';
import type { OwnedDrill } from './drills.ts';
import { CLOCKS_DIFFER_MS } from './history.ts';
import { slotOfName, timeMs, type ScheduleObject } from './schedules.ts';

/** The condition that says that the newest drill failed. */
export const VERIFICATION_FAILED = 'VerificationFailed';

export type DrillStatus = Pick<
  QueueBackupScheduleStatus,
  | 'lastVerificationTime'
  | 'lastVerificationBackup'
  | 'activeVerification'
  | 'lastVerifiedTime'
  | 'lastVerifiedBackup'
  | 'lastVerifiedDurationSeconds'
  | 'lastVerifiedJobs'
  | 'lastVerificationFailedTime'
  | 'lastVerificationFailedBackup'
>;

/** What is known of drills, also of those that were deleted since. A time that a wrong clock has written is none. */
export function drillHistoryOf(schedule: ScheduleObject, drills: readonly OwnedDrill[], nowMs: number): DrillHistory {
  const { lastVerificationTime, lastVerificationBackup } = schedule.status ?? {};
  const createdMs = timeMs(lastVerificationTime);
  return {
    slotMs: slotOfName(schedule.metadata.name, lastVerificationBackup),
    createdMs: createdMs !== undefined && createdMs <= nowMs + CLOCKS_DIFFER_MS ? createdMs : undefined,
    failing: isFailing(endsOf(schedule, drills)),
  };
}

/**
 * The fields of the status that are about drills. Pure.
 *
 * @param created name of the backup for which one was created with this reconcile.
 */
export function drillStatus(
  schedule: ScheduleObject,
  drills: readonly OwnedDrill[],
  created: { readonly backup: string; readonly name: string } | undefined,
  now: Date,
): DrillStatus {
  const { lastVerificationTime, lastVerificationBackup } = schedule.status ?? {};
  const newest = drills.toSorted((a, b) => b.slotMs - a.slotMs)[0];
  const knownMs = slotOfName(schedule.metadata.name, lastVerificationBackup) ?? -Infinity;
  // Created by a process that ended before it could say so.
  const unsaid = newest && newest.slotMs > knownMs ? newest : undefined;
  const backup = created?.backup ?? unsaid?.backup ?? lastVerificationBackup;
  const time = created ? timestamp(now) : unsaid ? timestamp(unsaid.createdMs ?? now.getTime()) : lastVerificationTime;
  const active = created?.name ?? drills.find(({ state }) => state === 'unfinished')?.name;
  return {
    ...(time !== undefined && { lastVerificationTime: time }),
    ...(backup !== undefined && { lastVerificationBackup: backup }),
    ...(active !== undefined && { activeVerification: active }),
    ...endsOf(schedule, drills),
  };
}

/** Why the backups may be no good; undefined: the newest drill succeeded, or there are none. */
export function verificationFailure(
  schedule: ScheduleObject,
  drills: readonly OwnedDrill[],
  status: DrillStatus,
): Notice<QueueBackupScheduleReason> {
  if (!schedule.spec.verify || !isFailing(status)) return undefined;
  const failed = drills.find(({ backup }) => backup === status.lastVerificationFailedBackup);
  const what = `QueueBackup ${status.lastVerificationFailedBackup} could not be restored`;
  if (failed)
    return {
      reason: 'VerificationFailed',
      message: `${what}: QueueRestore ${failed.name}: ${failed.reason}: ${failed.message}`,
    };
  const before = saidBefore<QueueBackupScheduleReason>(schedule.status?.conditions, VERIFICATION_FAILED);
  return before ?? { reason: 'VerificationFailed', message: what };
}

/** Names of the backups of which it is known that a drill has restored them: the newest of those is one of them. */
export function verifiedBackups({ status }: ScheduleObject, drills: readonly OwnedDrill[]): ReadonlySet<string> {
  const { lastVerifiedBackup } = status ?? {};
  const good = drills.filter(({ state }) => state === 'good').map(({ backup }) => backup);
  return new Set(lastVerifiedBackup === undefined ? good : [lastVerifiedBackup, ...good]);
}

/** Drills that have ended since the status was written, which are to be told. */
export function newlyEnded(
  { status }: ScheduleObject,
  drills: readonly OwnedDrill[],
): { readonly good: OwnedDrill[]; readonly failed: OwnedDrill[] } {
  const since = (state: OwnedDrill['state'], time: string | undefined): OwnedDrill[] =>
    drills.filter((drill) => drill.state === state && (drill.endedMs ?? 0) > (timeMs(time) ?? 0));
  return {
    good: since('good', status?.lastVerifiedTime),
    failed: since('failed', status?.lastVerificationFailedTime),
  };
}

function isFailing({ lastVerifiedTime, lastVerificationFailedTime }: DrillStatus): boolean {
  return (timeMs(lastVerificationFailedTime) ?? -Infinity) > (timeMs(lastVerifiedTime) ?? -Infinity);
}

function endsOf(schedule: ScheduleObject, drills: readonly OwnedDrill[]): DrillStatus {
  const { status = {} } = schedule;
  const { good, failed } = newlyEnded(schedule, drills);
  const [verified, bad] = [newestEnd(good), newestEnd(failed)];
  return {
    ...(verified
      ? verifiedBy(verified)
      : pick(status, ['lastVerifiedTime', 'lastVerifiedBackup', 'lastVerifiedDurationSeconds', 'lastVerifiedJobs'])),
    ...(bad
      ? { lastVerificationFailedTime: timestamp(bad.endedMs!), lastVerificationFailedBackup: bad.backup }
      : pick(status, ['lastVerificationFailedTime', 'lastVerificationFailedBackup'])),
  };
}

function newestEnd(ended: readonly OwnedDrill[]): OwnedDrill | undefined {
  return ended.toSorted((a, b) => b.endedMs! - a.endedMs! || b.slotMs - a.slotMs)[0];
}

function verifiedBy({ endedMs, backup, tookMs, jobs }: OwnedDrill): DrillStatus {
  return {
    lastVerifiedTime: timestamp(endedMs!),
    lastVerifiedBackup: backup,
    ...(tookMs !== undefined && { lastVerifiedDurationSeconds: Math.round(tookMs / 1_000) }),
    ...(jobs !== undefined && { lastVerifiedJobs: jobs }),
  };
}

function pick(status: DrillStatus, fields: readonly (keyof DrillStatus)[]): DrillStatus {
  return Object.fromEntries(fields.flatMap((field) => (status[field] === undefined ? [] : [[field, status[field]]])));
}
