import type { JobScheduler, SchedulerState } from '@redis-queue/bullmq';
import type { DeclaredSchedulers } from './declared.ts';

/** A change of one job scheduler in Redis. */
export type SchedulerStep =
  | {
      readonly kind: 'upsertScheduler';
      readonly scheduler: JobScheduler;
      readonly was: SchedulerState;
      /** Of the list of schedulers. */
      readonly owner: string;
    }
  | { readonly kind: 'removeScheduler'; readonly name: string; readonly owner: string };

export interface ObservedSchedulers {
  readonly declared: DeclaredSchedulers;
  /** By name, of those that can run. */
  readonly states: ReadonlyMap<string, SchedulerState>;
}

/** Where none is declared. */
export const NO_SCHEDULERS: ObservedSchedulers = {
  declared: { schedulers: [], names: new Set(), problems: [] },
  states: new Map(),
};

/**
 * What has to change for the declared job schedulers to run, and no other one of ours. Those that are struck out go
 * first, so that the list in Redis stays as short as the one of the spec. One that is as declared, and listed, is left
 * alone: writing it could move its next run. Pure.
 *
 * @param listed names that this owner has written.
 */
export function planSchedulers(
  { declared, states }: ObservedSchedulers,
  listed: readonly string[],
  owner: string,
): SchedulerStep[] {
  const struck = listed.filter((name) => !declared.names.has(name));
  const due = declared.schedulers.filter(({ name }) => states.get(name) !== 'holds' || !listed.includes(name));
  return [
    ...struck.map((name) => ({ kind: 'removeScheduler' as const, name, owner })),
    ...due.map((scheduler) => ({
      kind: 'upsertScheduler' as const,
      scheduler,
      was: states.get(scheduler.name) ?? 'absent',
      owner,
    })),
  ];
}

/** A sentence for people: what would be done, or was. */
export function describeSchedulerStep(step: SchedulerStep): string {
  if (step.kind === 'removeScheduler') return `remove the job scheduler ${step.name}`;
  const { name, schedule } = step.scheduler;
  const times = 'everyMs' in schedule ? `every ${schedule.everyMs} ms` : `${schedule.cron}, ${schedule.timeZone}`;
  switch (step.was) {
    case 'absent':
      return `add the job scheduler ${name} (${times})`;
    case 'differs':
      return `set the job scheduler ${name} to ${times} and its template`;
    case 'stopped':
      return `start the job scheduler ${name} again, whose next job was gone (${times})`;
    case 'holds':
      return `manage the job scheduler ${name}`;
    default:
      return step.was satisfies never;
  }
}
