import { ROWS, type Level, type Row } from './rows.ts';
import type { PodRuntime } from './runtime.ts';
import { Stage, type StageLimits, type Subject } from './stage.ts';

/** What became of a row. */
export interface Outcome {
  readonly row: Row;
  /** What is wrong; absent: the image keeps it. */
  readonly fault?: string;
}

export interface Conformance {
  readonly outcomes: readonly Outcome[];
  /** The highest level of which every row is kept, and of those below it; undefined where plain BullMQ does better. */
  readonly level: Level | undefined;
}

export interface ConformanceOptions {
  readonly rows?: readonly Row[];
  readonly atOnce?: number;
  /** How many times as long as on a machine at rest everything may take. */
  readonly patience?: number;
  /** After which no row begins and none is waited for any more: what is left counts as not kept. */
  readonly timeLimitMs?: number;
  readonly onStart?: (row: Row) => void;
  readonly onOutcome?: (outcome: Outcome) => void;
}

const TIME_LIMIT_MS = 20 * 60_000;

/** Checks the image that `runtime` runs, `atOnce` rows at a time. */
export async function checkConformance(
  subject: Subject,
  runtime: PodRuntime,
  options: ConformanceOptions = {},
): Promise<Conformance> {
  const { rows = ROWS, atOnce = 3, patience = 1, timeLimitMs = TIME_LIMIT_MS } = options;
  const limits = { patience, endMs: performance.now() + timeLimitMs };
  const left = [...rows];
  const outcomes: Outcome[] = [];
  const next = async (): Promise<void> => {
    for (let row = left.shift(); row; row = left.shift()) {
      options.onStart?.(row);
      // oxlint-disable-next-line no-await-in-loop -- the rows of one of those that run side by side
      const outcome = await check(subject, runtime, row, limits);
      outcomes.push(outcome);
      options.onOutcome?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  const inOrder = outcomes.toSorted((a, b) => rows.indexOf(a.row) - rows.indexOf(b.row));
  return { outcomes: inOrder, level: levelOf(inOrder) };
}

/** The highest level that is kept with all below it. Pure. */
export function levelOf(outcomes: readonly Outcome[]): Level | undefined {
  const broken = outcomes.filter(({ fault }) => fault !== undefined).map(({ row }) => row.level);
  const least = Math.min(...broken, Infinity);
  const levels = outcomes.map(({ row }) => row.level).filter((level) => level < least);
  return levels.length > 0 ? (Math.max(...levels) as Level) : undefined;
}

async function check(subject: Subject, runtime: PodRuntime, row: Row, limits: StageLimits): Promise<Outcome> {
  if (performance.now() >= limits.endMs) return { row, fault: 'not checked: the time limit of the whole run is over' };
  const stage = await Stage.open(subject, runtime, limits);
  try {
    await row.check(stage);
    return { row };
  } catch (error) {
    return { row, fault: error instanceof Error ? error.message : String(error) };
  } finally {
    await stage.close();
  }
}
