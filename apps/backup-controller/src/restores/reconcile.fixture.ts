import { findCondition } from '@redis-queue/controller';
import { NOW } from '../testing/objects.ts';
import { planRestore } from './plan.ts';
import { restoreStatus } from './status.ts';
import {
  stageOfRestore,
  type ObservedRestore,
  type RestoreObject,
  type RestoreRun,
  type RestoreRunResult,
} from './steps.ts';

/** What a reconcile plans and says; its run is as given. */
export function reconcile(restore: RestoreObject, run?: RestoreRun, targets?: ObservedRestore['targets']) {
  const observed = { stage: stageOfRestore(restore, run, NOW), run, ...(targets && { targets }) };
  const plan = planRestore(restore, observed, NOW);
  const status = restoreStatus(restore, { observed, plan, problem: plan.problem }, NOW);
  const { reason, status: ready } = findCondition(status.conditions, 'Ready') ?? {};
  const complete = findCondition(status.conditions, 'Complete')?.status;
  return { steps: plan.steps.map(({ kind }) => kind), plan, status, ready: `${ready} ${reason}`, complete };
}

export function ended(task: string, result: RestoreRunResult): RestoreRun {
  return { task, phase: 'ended', end: { ok: true, result, tookMs: 1 } };
}

export function failed(task: string, error: Error): RestoreRun {
  return { task, phase: 'ended', end: { ok: false, error, tookMs: 1 } };
}
