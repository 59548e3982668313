import { quantityValue, QUEUE_RESTORES, type QueueRestoreReason } from '@redis-queue/api';
import type { Applied, KindContext } from '@redis-queue/controller';
import { withStorage } from '../access/open-storage.ts';
import { inWords } from '../engine/failures.ts';
import { findPoint } from '../engine/find-point.ts';
import { checkRestore } from '../engine/check-restore.ts';
import { abandonQueues, resumeQueues, type EndFence } from '../engine/end-restore.ts';
import { runRestore, type RestoreOptions, type RestoreResult } from '../engine/run-restore.ts';
import { removeScratchQueues, runScratch } from '../engine/run-scratch.ts';
import type { SourceOptions } from '../engine/restore-source.ts';
import { applyRunSteps, type RunStep } from '../runs/apply-run-steps.ts';
import { lookAgain, ofRun, type Found, type LookAgainOptions, type ObjectOfRun } from '../runs/look-again.ts';
import type { RunPurpose } from '../runs/run-places.ts';
import { NO_RUNS, type RunContext } from '../runs/runs.ts';
import type { RunProgress } from '../engine/progress.ts';
import { RunFailure } from '../runs/failure.ts';
import { observeRestore, type RestoreSources } from './observe.ts';
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
  const { client, now } = context;
  return await applyRunSteps(restore, plan, context, {
    type: QUEUE_RESTORES,
    runs: tools.runs,
    begin(step: Exclude<RestoreStep, RunStep>) {
      const isScratch = restore.spec.scratch !== undefined;
      beginStep(step.kind, ofRun(restore), tools, { client, now, isScratch });
      return true;
    },
    observeAgain(run: ObservedRestore['run']) {
      const found = { ...observed, run, stage: stageOfRestore(restore, run, now()) };
      return { observed: found, plan: planRestore(restore, found, now()) };
    },
  });
}

type Step = Exclude<RestoreStep, RunStep>['kind'];
type Work = (
  found: Found<RestoreObject, ObservedRestore>,
  tools: RestoreTools,
  context: RunContext<RunProgress>,
) => Promise<RestoreRunResult>;

/** What runs do, with what they find once they have their place. */
const STEPS: Readonly<Record<Step, { readonly task: string; readonly purpose: RunPurpose; readonly work: Work }>> = {
  check: {
    task: RestoreTask.check,
    purpose: 'restore',
    work: async (found, tools, context) =>
      await withSource(found, tools, context, (source) => {
        const { metadata, spec } = found.object;
        return checkRestore({ ...source, restoreId: metadata.uid ?? '', scratch: spec.scratch !== undefined });
      }),
  },
  restore: {
    task: RestoreTask.restore,
    purpose: 'restore',
    work: async (found, tools, context) =>
      await withSource(found, tools, context, (source) => {
        const { jobsPerSecond } = found.object.spec;
        return write(found.object, { ...source, ...fence(found.object, tools, context), jobsPerSecond });
      }),
  },
  // What ends or takes back what another run has left: none of them waits behind long ones.
  resume: {
    task: RestoreTask.resumption,
    purpose: 'ending',
    work: ({ object, observed: { targets = [] } }, tools, context) =>
      resumeQueues(targets, fence(object, tools, context)),
  },
  abandon: {
    task: RestoreTask.abandonment,
    purpose: 'ending',
    work: ({ object, observed: { targets = [] } }, tools, context) =>
      (object.spec.scratch ? removeScratchQueues : abandonQueues)(targets, fence(object, tools, context)),
  },
  removeScratch: {
    task: RestoreTask.removal,
    purpose: 'ending',
    work: ({ object, observed: { targets = [] } }, tools, context) =>
      removeScratchQueues(targets, fence(object, tools, context)),
  },
};

function beginStep(
  kind: Step,
  of: ObjectOfRun,
  tools: RestoreTools,
  { client, now, isScratch }: Pick<KindContext<QueueRestoreReason>, 'client' | 'now'> & { readonly isScratch: boolean },
): void {
  const { sources, runs } = tools;
  const { task, purpose, work } = STEPS[kind];
  const look: LookAgainOptions<RestoreObject, ObservedRestore> = {
    client,
    type: QUEUE_RESTORES,
    observe: (restore, signal) => observeRestore(restore, sources, NO_RUNS, { now: now(), signal }),
    plan: (restore, observed) => planRestore(restore, observed, now()),
  };
  // Nobody waits for the queues of a drill.
  const isDrill = isScratch && purpose === 'restore';
  runs.begin({ ...of, task, purpose: isDrill ? 'backup' : purpose }, (context) =>
    inWords(async () => await work(await lookAgain(of, kind, context.signal, look), tools, context)),
  );
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
  { object: restore, observed: { backup, problem } }: Found<RestoreObject, ObservedRestore>,
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
      targetsOf(names, leftOut) {
        const targets = targetsFor({ names, leftOut }, restore, sources);
        if (!Array.isArray(targets)) throw new RunFailure(targets);
        return targets;
      },
      openFlows: restore.spec.openFlows,
      nowMs: () => Date.now(),
    }),
  );
}
