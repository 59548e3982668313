import { createHash } from 'node:crypto';
import type { Schedule } from './schedule.ts';

/**
 * The field of a queue's `meta` that lists the job schedulers that its owner has written: the owner in the first line, a
 * name in each further one. It is written in the same step as the scheduler, so no crash comes between them.
 */
export const SCHEDULERS_FIELD = 'redis-queue:schedulers';

/** A job scheduler as it is declared. */
export interface JobScheduler {
  /** Letters, digits, dots, dashes and underscores, so that it needs no quoting in JSON, and no `:`, which BullMQ uses. */
  readonly name: string;
  readonly schedule: Schedule;
  /** Name of its jobs. */
  readonly jobName: string;
  /** Data of its jobs, as JSON. */
  readonly data: string;
  /** Options of its jobs, by BullMQ's names. */
  readonly opts: Readonly<Record<string, unknown>>;
}

/** In the order in which the scripts read them: `parts/schedulers.lua`. */
const FIELDS = ['name', 'data', 'opts', 'pattern', 'tz', 'every', 'limit', 'startDate', 'endDate'] as const;
type Field = (typeof FIELDS)[number];

/** The fields of a scheduler's hash, as BullMQ stores them: what is empty is absent. */
export function storedFields({ schedule, jobName, data, opts }: JobScheduler): Partial<Record<Field, string>> {
  const options = JSON.stringify(shortened(opts));
  return {
    name: jobName,
    ...(data !== '{}' && { data }),
    ...(options !== '{}' && { opts: options }),
    ...('everyMs' in schedule
      ? { every: String(schedule.everyMs) }
      : { pattern: schedule.cron, tz: schedule.timeZone }),
  };
}

/** What tells one definition from another: as `definitionOf` in `parts/schedulers.lua` writes it, and how long it is. */
export function fingerprint(scheduler: JobScheduler): { readonly bytes: number; readonly sha1: string } {
  const stored = storedFields(scheduler);
  const sizes = FIELDS.map((field) => Buffer.byteLength(stored[field] ?? ''));
  const text = FIELDS.map((field, at) => (stored[field] === undefined ? '-' : `${sizes[at]}:${stored[field]}`)).join(
    ' ',
  );
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), sha1: createHash('sha1').update(text).digest('hex') };
}

/**
 * The options of the job of a run, without those that depend on the time of the run. A worker that takes the job makes
 * the next run from them, not from the scheduler's hash.
 */
export function jobOptions({ schedule, opts }: JobScheduler): string {
  const times = 'everyMs' in schedule ? { every: schedule.everyMs } : { pattern: schedule.cron, tz: schedule.timeZone };
  return JSON.stringify({ ...shortened(opts), repeat: { ...times, count: 1 } });
}

/** Names that BullMQ stores in a shorter form. */
function shortened({ keepLogs, ...opts }: JobScheduler['opts']): Record<string, unknown> {
  return { ...opts, ...(keepLogs !== undefined && { kl: keepLogs }) };
}
