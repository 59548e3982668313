import { imbalances, type Balance } from '../ledger/balance.ts';

/** The last line of the demo's standard output. Times are ms since the first job was added. */
export interface DemoResult {
  added: number;
  completed: number;
  failed: number;
  lost: number;
  duplicated: number;
  maxReplicas: number;
  firstDecisionMs: number | null;
  firstPodReadyMs: number | null;
  drainedMs: number | null;
  backToZeroMs: number | null;
}

export interface Course {
  maxReplicas: number;
  firstDecisionMs: number | undefined;
  firstPodReadyMs: number | undefined;
  drainedMs: number | undefined;
  backToZeroMs: number | undefined;
}

const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms));

export function demoResult({ added, completed, failed, lost, duplicated }: Balance, course: Course): DemoResult {
  return {
    added,
    completed,
    failed,
    lost: lost.length,
    duplicated: duplicated.length,
    maxReplicas: course.maxReplicas,
    firstDecisionMs: rounded(course.firstDecisionMs),
    firstPodReadyMs: rounded(course.firstPodReadyMs),
    drainedMs: rounded(course.drainedMs),
    backToZeroMs: rounded(course.backToZeroMs),
  };
}

/** Why the demo did not show what it promises; empty when every job is accounted for and the pool went 0 → N → 0. */
export function shortcomings(
  ledger: Balance,
  { maxReplicas, firstPodReadyMs, drainedMs, backToZeroMs }: Course,
): string[] {
  const course: [boolean, string][] = [
    [maxReplicas > 1, `the pool never had more than ${maxReplicas} replicas wanted`],
    [firstPodReadyMs !== undefined, 'no worker pod got ready'],
    [drainedMs !== undefined, 'the queue was not drained in time'],
    [backToZeroMs !== undefined, 'the pool did not return to 0 in time'],
  ];
  return [...imbalances(ledger), ...course.filter(([ok]) => !ok).map(([, why]) => why)];
}
