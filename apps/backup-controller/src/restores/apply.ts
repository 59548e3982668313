import { QUEUE_RESTORES, type QueueRestoreReason } from '@redis-queue/api';
import { applySteps, keyOf, type Applied, type KindContext } from '@redis-queue/controller';
import { withStorage } from '../access/open-storage.ts';
import { inWords } from '../engine/failures.ts';
import { resumeQueues, runRestore } from '../engine/run-restore.ts';
import { RunFailure } from '../runs/failure.ts';
import type { RestoreSources } from './observe.ts';
import {
  RestoreTask,
  stageOfRestore,
  type ObservedRestore,
  type RestoreObject,
  type RestorePlan,
  type RestoreRuns,
  type RestoreStep,
} from './steps.ts';
import { resolveTargets } from './targets.ts';

/** What a step needs beside the object. */
export interface RestoreTools {
  readonly sources: RestoreSources;
  readonly runs: RestoreRuns;
}

/** Carries a restore's plan out. A run is only begun; it goes on by itself. */
export async function applyRestore(
  restore: RestoreObject,
  { observed, plan }: { readonly observed: ObservedRestore; readonly plan: RestorePlan },
  { client, signal, now, applyFinalizer }: KindContext<QueueRestoreReason>,
  tools: RestoreTools,
): Promise<Applied<ObservedRestore, RestorePlan, QueueRestoreReason>> {
  const { uid = '', resourceVersion } = restore.metadata;
  const { runs } = tools;
  const applied = await applySteps<RestoreStep, QueueRestoreReason>(plan.steps as RestoreStep[], {
    signal,
    applyFinalizer,
    async applyStep(step) {
      switch (step.kind) {
        case 'delete':
          await client.delete(QUEUE_RESTORES, keyOf(restore), { signal, uid, ...(resourceVersion && { resourceVersion }) });
          break;
        case 'begin':
          beginRun(restore, observed, tools);
          break;
        case 'resume':
          beginResumption(restore, observed, tools);
          break;
        case 'abort':
          runs.abort(uid, new Error(step.why));
          break;
        case 'forgetRun':
          runs.forget(uid);
          break;
      }
      return undefined;
    },
  });
  if (!applied.done.some(({ kind }) => kind === 'begin' || kind === 'resume')) return applied;
  // A run that has a place has begun after this.
  await new Promise((resolve) => setImmediate(resolve));
  const run = runs.stateOf(uid);
  return { ...applied, observed: { ...observed, run, stage: stageOfRestore(restore, run, now()) } };
}

function beginRun(restore: RestoreObject, { backup }: ObservedRestore, { runs, sources }: RestoreTools): void {
  const { name, uid = '' } = restore.metadata;
  const { openFlows, dryRun, jobsPerSecond } = restore.spec;
  if (!backup) throw new Error(`QueueRestore ${name} begins without a backup`);
  const { storage: access, directory, manifestSha256 } = backup;
  runs.begin({ uid, key: keyOf(restore), task: RestoreTask.restore }, (context) =>
    inWords(() =>
      withStorage(access, (storage) =>
        runRestore({
          ...context,
          storage,
          directory,
          manifestSha256,
          key: access.key,
          restoreId: uid,
          targetsOf(names) {
            const targets = resolveTargets(names, restore, sources);
            if (!Array.isArray(targets)) throw new RunFailure(targets);
            return targets;
          },
          openFlows,
          dryRun,
          jobsPerSecond,
          assertLeading: sources.assertLeading,
        }),
      ),
    ),
  );
}

function beginResumption(restore: RestoreObject, { targets = [] }: ObservedRestore, { runs, sources }: RestoreTools): void {
  const { uid = '' } = restore.metadata;
  runs.begin({ uid, key: keyOf(restore), task: RestoreTask.resumption }, ({ signal }) =>
    inWords(() => resumeQueues(targets, { restoreId: uid, signal, assertLeading: sources.assertLeading })),
  );
}
