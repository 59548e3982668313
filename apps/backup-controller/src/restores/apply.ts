import { quantityValue, QUEUE_RESTORES, type QueueRestoreReason } from '@redis-queue/api';
import { keyOf, type Applied, type KindContext } from '@redis-queue/controller';
import { withStorage } from '../access/open-storage.ts';
import { inWords } from '../engine/failures.ts';
import { findPoint } from '../engine/find-point.ts';
import { checkRestore } from '../engine/check-restore.ts';
import { abandonQueues, resumeQueues, type EndFence } from '../engine/end-restore.ts';
import { runRestore, type RestoreOptions, type RestoreResult } from '../engine/run-restore.ts';
import { removeScratchQueues, runScratch } from '../engine/run-scratch.ts';
import type { SourceOptions } from '../engine/restore-source.ts';
import { applyRunSteps, type RunStep } from '../runs/apply-run-steps.ts';
import type { RunContext } from '../runs/runs.ts';
import type { RunProgress } from '../engine/progress.ts';
import { RunFailure } from '../runs/failure.ts';
import type { RestoreSources } from './observe.ts';
import { planRestore } from './plan.ts';
import {
  RestoreTask,
  stageOfRestore,
  type ObservedRestore,
  type RestoreObject,
  type RestorePlan,
  type RestoreRunResult,
  type RestoreRuns,
  type RestoreStep,
} from './steps.ts';
import { targetsFor } from './targets.ts';
import { restoredOf } from './wanted-queues.ts';

/** What a step needs beside the object. */
export interface RestoreTools {
  readonly sources: RestoreSources;
  readonly runs: RestoreRuns;
}

/** Carries a restore's plan out. A run is only begun; it goes on by itself. */
export async function applyRestore(
  restore: RestoreObject,
  { observed, plan }: { readonly observed: ObservedRestore; readonly plan: RestorePlan },
  context: KindContext<QueueRestoreReason>,
  tools: RestoreTools,
): Promise<Applied<ObservedRestore, RestorePlan, QueueRestoreReason>> {
  const { now } = context;
  return await applyRunSteps(restore, plan, context, {
    type: QUEUE_RESTORES,
    runs: tools.runs,
    begin(step: Exclude<RestoreStep, RunStep>) {
      beginStep(step.kind, restore, observed, tools);
      return true;
    },
    observeAgain(run: ObservedRestore['run']) {
      const found = { ...observed, run, stage: stageOfRestore(restore, run, now()) };
      return { observed: found, plan: planRestore(restore, found, now()) };
    },
  });
}

function beginStep(
  kind: Exclude<RestoreStep, RunStep>['kind'],
  restore: RestoreObject,
  observed: ObservedRestore,
  tools: RestoreTools,
): void {
  const { metadata, spec } = restore;
  const targets = observed.targets ?? [];
  switch (kind) {
    case 'check':
      begin(restore, RestoreTask.check, tools, (context) =>
        withSource(restore, observed, tools, context, (source) =>
          checkRestore({ ...source, restoreId: metadata.uid ?? '', scratch: spec.scratch !== undefined }),
        ),
      );
      break;
    case 'restore':
      begin(restore, RestoreTask.restore, tools, (context) =>
        withSource(restore, observed, tools, context, (source) =>
          write(restore, { ...source, ...fence(restore, tools, context), jobsPerSecond: spec.jobsPerSecond }),
        ),
      );
      break;
    case 'resume':
      begin(restore, RestoreTask.resumption, tools, (context) => resumeQueues(targets, fence(restore, tools, context)));
      break;
    case 'abandon':
      begin(restore, RestoreTask.abandonment, tools, (context) =>
        (spec.scratch ? removeScratchQueues : abandonQueues)(targets, fence(restore, tools, context)),
      );
      break;
    case 'removeScratch':
      begin(restore, RestoreTask.removal, tools, (context) =>
        removeScratchQueues(targets, fence(restore, tools, context)),
      );
      break;
  }
}

/** What ends or takes back what another run has left: none of them waits behind long ones. */
const CLEANUPS: ReadonlySet<string> = new Set([RestoreTask.resumption, RestoreTask.abandonment, RestoreTask.removal]);

function begin(
  restore: RestoreObject,
  task: string,
  { runs }: RestoreTools,
  body: (context: RunContext<RunProgress>) => Promise<RestoreRunResult>,
): void {
  const { uid = '' } = restore.metadata;
  const isCleanup = CLEANUPS.has(task);
  runs.begin({ uid, key: keyOf(restore), task, isCleanup }, (context) => inWords(() => body(context)));
}

function fence(
  { metadata: { uid = '', namespace = '' } }: RestoreObject,
  { sources }: RestoreTools,
  { signal }: RunContext<RunProgress>,
): EndFence {
  const { assertLeading, queues } = sources;
  const keepsPaused = (name: string): boolean => queues.get({ namespace, name })?.spec.paused === true;
  return { restoreId: uid, signal, assertLeading, keepsPaused };
}

/** Into queues, or for a while beside them. */
async function write({ spec: { scratch }, status }: RestoreObject, options: RestoreOptions): Promise<RestoreResult> {
  if (!scratch) return await runRestore(options);
  const memory = new Map(status?.queues?.map(({ name, memoryBytes = 0 }) => [name, memoryBytes]));
  return await runScratch({
    ...options,
    maxBytes: quantityValue(scratch.maxBytes),
    memoryOf: (name) => memory.get(name) ?? 0,
  });
}

/** Calls with the backup, whose storage is closed afterwards. */
async function withSource<T>(
  restore: RestoreObject,
  { backup, problem }: ObservedRestore,
  { sources }: RestoreTools,
  context: RunContext<RunProgress>,
  call: (source: SourceOptions) => Promise<T>,
): Promise<T> {
  if (problem) throw new RunFailure(problem);
  if (!backup) throw new Error(`a run of QueueRestore ${restore.metadata.name} begins without a backup`);
  const { storage: access, atMs, older, ...place } = backup;
  const { openKey } = access;
  return await withStorage(access, async (storage) =>
    call({
      ...context,
      storage,
      ...(atMs === undefined
        ? place
        : await findPoint(storage, older ? [place, older] : [place], {
            atMs,
            restoredOf: (names) => restoredOf(names, restore.spec),
            openKey,
            signal: context.signal,
          })),
      openKey,
      targetsOf(names) {
        const targets = targetsFor(names, restore, sources);
        if (!Array.isArray(targets)) throw new RunFailure(targets);
        return targets;
      },
      openFlows: restore.spec.openFlows,
      nowMs: () => Date.now(),
    }),
  );
}
