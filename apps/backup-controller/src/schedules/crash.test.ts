import { isDeepStrictEqual } from 'node:util';
import { QUEUE_BACKUPS, type QueueBackupScheduleSpec } from '@redis-queue/api';
import { timestamp } from '@redis-queue/controller';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ApiModel, Crash, type CrashesAt } from './api-model.fixture.ts';
import { scheduleKind } from './kind.ts';
import { DrillMetrics } from './drill-metrics.ts';
import { ScheduleMetrics } from './metrics.ts';
import { slotOfName, timeMs, type BackupObject } from './schedules.ts';
import { at, backupObject, drillStatusOf, iso, scheduleObject } from './testing.fixture.ts';
import { CHANGES, expressionOf, WallClock, type SimpleCron } from './wall-clock.fixture.ts';

// The controller's own functions against a modelled API server, in processes that end before or after any request takes
// effect. Slots come from looking at each minute of the wall clock, not from the code under test.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const event = (): void => undefined;

/** Numbers in [0, 1) that depend on the seed alone: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Run {
  readonly cron: SimpleCron;
  readonly zone: string;
  readonly slots: readonly number[];
  readonly fromMs: number;
  readonly untilMs: number;
  readonly spec: Partial<QueueBackupScheduleSpec>;
}

/** A schedule's life: its controller ends and comes back, backups end, and people delete some. */
class Life {
  readonly #random: () => number;
  readonly #run: Run;
  readonly api: ApiModel;
  crashes = 0;
  /** Backups that began beside one that ran, where that is forbidden. */
  overlaps = 0;
  #nowMs: number;
  /** Drills that began beside one that ran. */
  drillOverlaps = 0;
  /** When each backup, or drill, that runs ends. */
  readonly #ends = new Map<string, number>();
  /** For which slots a reconcile that was carried through found that a backup had to be there. */
  readonly served = new Set<number>();

  constructor(seed: number, run: Run) {
    this.#random = randomOf(seed);
    this.#run = run;
    this.#nowMs = run.fromMs;
    const spec = { schedule: expressionOf(run.cron), timeZone: run.zone, ...run.spec };
    this.api = new ApiModel(scheduleObject(spec, undefined, { creationTimestamp: timestamp(run.fromMs) }));
  }

  async live(): Promise<void> {
    while (this.#nowMs < this.#run.untilMs) {
      await this.#process();
      // For as long as nobody is there, nothing ends either: backups run in the same process.
      this.#passUntil(this.#nowMs + Math.floor(this.#random() ** 4 * 20 * HOUR));
    }
    // In the end the controller stays, until nothing waits any more.
    let before: unknown;
    do {
      before = this.api.schedule;
      for (const name of this.#ends.keys()) this.#end(name);
      await this.#reconcile(() => undefined, this.#kind());
    } while (this.api.schedule !== before);
  }

  /** One process, from its start until it ends. */
  async #process(): Promise<void> {
    let requests = 1 + Math.floor(this.#random() * 5);
    const crashesAt: CrashesAt = () => {
      if (--requests > 0) return undefined;
      this.crashes++;
      return this.#random() < 0.5 ? 'before' : 'after';
    };
    const kind = this.#kind();
    try {
      while (this.#nowMs < this.#run.untilMs) {
        const waitMs = await this.#reconcile(crashesAt, kind);
        const nextMs = this.#nowMs + Math.max(waitMs, 1);
        const ending = [...this.#ends].toSorted(([, a], [, b]) => a - b)[0];
        if (ending && ending[1] <= nextMs) {
          this.#passUntil(ending[1]);
          this.#end(ending[0]);
        } else this.#passUntil(nextMs);
        this.#deleteSome();
      }
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }

  #passUntil(ms: number): void {
    this.#nowMs = Math.min(Math.max(ms, this.#nowMs), this.#run.untilMs);
  }

  #kind() {
    const backupsOf = (): BackupObject[] => [...this.api.backups.values()];
    const registry = new Registry();
    return scheduleKind({
      isRead: () => false,
      backupsOf,
      drillsOf: () => [...this.api.drills.values()],
      metrics: new ScheduleMetrics(registry, () => this.#nowMs),
      drillMetrics: new DrillMetrics(registry, () => this.#nowMs),
      random: this.#random,
    });
  }

  async #reconcile(crashesAt: CrashesAt, kind: ReturnType<typeof scheduleKind>): Promise<number> {
    const { schedule } = this.api;
    const now = new Date(this.#nowMs);
    const running = [...this.api.backups.values()].some(({ status }) => status?.completionTime === undefined);
    const client = this.api.client(crashesAt);
    const context = { client, event, signal: new AbortController().signal } as unknown as Parameters<
      typeof kind.apply
    >[2];
    const observed = await kind.observe(schedule, context);
    const plan = kind.plan(schedule, observed, now);
    const applied = await kind.apply(schedule, { observed, plan }, context);
    if (applied.failure) throw applied.failure.error;
    const begins = applied.done.some((step) => step.kind === 'createBackup');
    if (begins && running && schedule.spec.concurrencyPolicy === 'Forbid') this.overlaps++;
    for (const { metadata } of this.api.backups.values())
      if (!this.#ends.has(metadata.name) && this.api.backups.get(metadata.name)?.status?.completionTime === undefined)
        this.#ends.set(metadata.name, this.#nowMs + Math.floor(this.#random() ** 3 * 5 * HOUR));
    const drilled = [...this.api.drills.values()].filter(({ status }) => status?.completionTime === undefined);
    if (drilled.length > 1) this.drillOverlaps++;
    for (const { metadata } of drilled)
      if (!this.#ends.has(metadata.name))
        this.#ends.set(metadata.name, this.#nowMs + Math.floor(this.#random() ** 3 * HOUR));
    const outcome = { observed, plan, done: applied.done, problem: applied.problem ?? plan.problem };
    const status = kind.status(schedule, outcome, now);
    if (!isDeepStrictEqual(status, schedule.status))
      await (client as unknown as { writeStatus: (to: object) => Promise<void> }).writeStatus(status);
    this.#noteServed(running);
    return kind.requeueMs!(schedule, outcome, status, { nowMs: this.#nowMs, event })!;
  }

  /** The newest slot, when its deadline is not over and nothing keeps it waiting. */
  #noteServed(running: boolean): void {
    const newest = this.#run.slots.filter((slot) => slot > this.#run.fromMs && slot <= this.#nowMs).at(-1);
    const { startingDeadlineSeconds = Infinity, concurrencyPolicy = 'Forbid' } = this.#run.spec;
    if (newest === undefined || this.#nowMs - newest > startingDeadlineSeconds * 1_000) return;
    if (concurrencyPolicy === 'Allow' || !running) this.served.add(newest);
  }

  #end(name: string): void {
    this.#ends.delete(name);
    if (this.api.drills.get(name)?.status === undefined && this.api.drills.has(name))
      this.api.setDrillStatus(name, drillStatusOf(this.#random() < 0.8 ? 'Completed' : 'Failed', this.#nowMs));
    const backup = this.api.backups.get(name);
    if (!backup || backup.status?.completionTime !== undefined) return;
    const phase = this.#random() < 0.7 ? 'Completed' : 'Failed';
    this.api.setStatus(name, backupObject(this.api.schedule, 0, phase, this.#nowMs).status!);
  }

  /** By a person or a time to live, once the status knows of it. */
  #deleteSome(): void {
    const { lastScheduleTime } = this.api.schedule.status ?? {};
    for (const name of this.api.backups.keys())
      if (slotOfName('nightly', name)! <= (timeMs(lastScheduleTime) ?? 0) && this.#random() < 0.03)
        this.api.backups.delete(name);
    const known = this.api.schedule.status?.lastVerificationBackup;
    for (const [name, drill] of this.api.drills)
      if (drill.spec.from.backup?.name === known && this.#random() < 0.03) this.api.drills.delete(name);
  }
}

const verify = { mode: 'Restore', activeDeadlineSeconds: 21_600 } as const;
const SPECS: Partial<QueueBackupScheduleSpec>[] = [
  { verify },
  { startingDeadlineSeconds: 1_800, verify: { ...verify, every: '12h' } },
  { concurrencyPolicy: 'Allow' },
  { concurrencyPolicy: 'Allow', startingDeadlineSeconds: 600, retention: { count: 3, keepLastGood: 1 }, verify },
  { startingDeadlineSeconds: 7_200, retention: { maxAge: '6h', keepLastGood: 2 } },
];
const LIVES: SimpleCron[] = [
  { minutes: [30], hours: [0, 2, 8, 14, 23] },
  { minutes: [10, 40] },
  { minutes: [0], hours: [1, 2, 3] },
];

describe('in lives with a thousand crashes', () => {
  const zones = Object.values(CHANGES).map(([zone, from, until]) => {
    // Some days more on either side, so that there is much to miss.
    const [fromMs, untilMs] = [at(from) - 24 * HOUR, at(until) + 24 * HOUR];
    return { zone, fromMs, untilMs, clock: new WallClock(zone, fromMs, untilMs) };
  });

  it('each slot has one backup, or is counted as skipped; and none that could be taken is skipped', async () => {
    let [lives, crashes, backups, skipped, drills] = [0, 0, 0, 0, 0];
    for (; crashes < 1_000; lives++) {
      const { clock, ...times } = zones[lives % zones.length]!;
      const cron = LIVES[lives % LIVES.length]!;
      const run: Run = { ...times, cron, slots: clock.slots(cron), spec: SPECS[lives % SPECS.length]! };
      const life = new Life(lives, run);
      await life.live();
      expectExact(life, run, lives);
      crashes += life.crashes;
      backups += life.api.created.length;
      drills += life.api.createdDrills.length;
      skipped += life.api.schedule.status?.skipped?.count ?? 0;
    }
    process.stdout.write(`${JSON.stringify({ lives, crashes, backups, skipped, drills })}\n`);
    expect(backups).toBeGreaterThan(500);
    expect(skipped).toBeGreaterThan(500);
    expect(drills).toBeGreaterThan(100);
  });
});

function expectExact({ api, served, overlaps, drillOverlaps }: Life, { slots, fromMs }: Run, seed: number): void {
  const created = api.created.map(({ metadata }) => iso(slotOfName('nightly', metadata.name)!)).toSorted();
  const { skipped, lastScheduleTime = '' } = api.schedule.status!;
  // What is decided goes up to the newest of both.
  const lastMs = Math.max(...[lastScheduleTime, ...(skipped?.latest ?? [])].map((text) => timeMs(text) ?? 0));
  const decided = slots.filter((slot) => slot > fromMs && slot <= lastMs).map(iso);
  const rest = decided.filter((slot) => !created.includes(slot));
  const drills = api.createdDrills.map(({ metadata }) => metadata.name);
  const found = {
    drillsDoubled: drills.length - new Set(drills).size,
    drillOverlaps,
    doubled: created.length - new Set(created).size,
    neverDue: created.filter((slot) => !decided.includes(slot)),
    notTaken: [...served].map(iso).filter((slot) => !created.includes(slot)),
    overlaps,
    skipped: skipped ?? { count: 0, latest: [] },
  };
  const skips = { count: rest.length, latest: rest.slice(-10).toReversed() };
  expect({ seed, ...found }).toEqual({
    seed,
    drillsDoubled: 0,
    drillOverlaps: 0,
    doubled: 0,
    neverDue: [],
    notTaken: [],
    overlaps: 0,
    skipped: skips,
  });
}

it('after ten years of nobody being there, one backup is taken, and what was missed is counted', async () => {
  const [fromMs, untilMs] = [at('2016-01-01T00:00:00Z'), at('2026-01-01T00:00:00Z')];
  const run: Run = { cron: { minutes: [0] }, zone: 'Europe/Berlin', slots: [], fromMs: untilMs, untilMs, spec: {} };
  const life = new Life(1, run);
  life.api.schedule = {
    ...life.api.schedule,
    metadata: { ...life.api.schedule.metadata, creationTimestamp: timestamp(fromMs) },
  };
  await life.live();
  expect(life.api.created.map(({ metadata }) => metadata.name)).toEqual([`nightly-${untilMs / MINUTE}`]);
  expect(life.api.schedule.status).toMatchObject({
    lastScheduleTime: '2026-01-01T00:00:00Z',
    skipped: { count: (untilMs - fromMs) / HOUR - 1 },
  });
});

it('what was deleted before any status had it is taken again: rather one more than one less', async () => {
  const slot = at('2026-03-02T02:00:00Z');
  const life = new Life(1, {
    cron: { minutes: [0], hours: [2] },
    zone: 'UTC',
    slots: [],
    fromMs: slot,
    untilMs: slot,
    spec: {},
  });
  const { metadata } = life.api.schedule;
  life.api.schedule = { ...life.api.schedule, metadata: { ...metadata, creationTimestamp: '2026-03-01T12:00:00Z' } };
  await life.api.client(() => undefined).create(QUEUE_BACKUPS, backupObject(life.api.schedule, slot));
  life.api.backups.clear();
  await life.live();
  expect(life.api.created.map((backup) => backup.metadata.name)).toEqual(Array(2).fill(`nightly-${slot / MINUTE}`));
});
