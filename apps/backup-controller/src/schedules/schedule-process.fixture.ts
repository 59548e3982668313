import { Registry } from 'prom-client';
import { ApiModel } from './api-model.fixture.ts';
import { DrillMetrics } from './drill-metrics.ts';
import type { RestoreObject } from './drills.ts';
import { scheduleKind } from './kind.ts';
import { ScheduleMetrics } from './metrics.ts';
import type { BackupObject, ScheduleObject } from './schedules.ts';
import { at } from './testing.fixture.ts';

/** What is there for a reconcile. */
interface Present {
  readonly backups?: readonly BackupObject[];
  /** Those of them that the cache has; absent: all. */
  readonly shown?: readonly BackupObject[] | undefined;
  readonly drills?: readonly RestoreObject[];
}

/** A process with its metrics and the events that it tells; one reconcile at a time. */
export class ScheduleProcess {
  readonly registry = new Registry();
  readonly events: string[] = [];
  #nowMs = 0;
  readonly #now = (): number => this.#nowMs;
  readonly metrics = new ScheduleMetrics(this.registry, this.#now);
  readonly drillMetrics = new DrillMetrics(this.registry, this.#now);
  readonly #event = (reason: string, message: string): void => void this.events.push(`${reason}: ${message}`);

  async reconcile(schedule: ScheduleObject, now: string, { backups = [], shown, drills = [] }: Present = {}) {
    const nowMs = (this.#nowMs = at(now));
    const api = new ApiModel(schedule);
    for (const backup of backups) api.backups.set(backup.metadata.name, backup);
    for (const drill of drills) api.drills.set(drill.metadata.name, drill);
    const kind = scheduleKind({
      isRead: () => false,
      backupsOf: () => shown ?? api.backups.values(),
      drillsOf: () => api.drills.values(),
      metrics: this.metrics,
      drillMetrics: this.drillMetrics,
      random: () => 0.5,
    });
    const event = this.#event;
    const client = api.client(() => undefined);
    const context = { client, event, signal: new AbortController().signal } as unknown as Parameters<
      typeof kind.apply
    >[2];
    const observed = await kind.observe(schedule, context);
    const plan = kind.plan(schedule, observed, new Date(nowMs));
    const applied = await kind.apply(schedule, { observed, plan }, context);
    if (applied.failure) throw applied.failure.error;
    const problem = applied.problem ?? plan.problem;
    const outcome = { observed, plan, done: applied.done, problem };
    const status = kind.status(schedule, outcome, new Date(nowMs));
    kind.statusWritten!(schedule, outcome, status, { nowMs, event });
    const waitMs = kind.requeueMs!(schedule, outcome, status, { nowMs, event });
    return {
      status,
      names: [...api.backups.keys()],
      drills: [...api.drills.keys()],
      createdDrills: api.createdDrills,
      waitMs,
      after: { ...schedule, status },
    };
  }
}
