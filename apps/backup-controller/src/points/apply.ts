import { chainFolder, removeChain } from '@redis-queue/backup';
import { QUEUE_BACKUPS, type QueueBackupReason } from '@redis-queue/api';
import { keyOf, type Applied, type KindContext } from '@redis-queue/controller';
import { withStorage } from '../access/open-storage.ts';
import { baseOf, beginRemoval, type BackupTools } from '../backups/apply.ts';
import type { BackupObject } from '../backups/steps.ts';
import type { DigestMemory } from '../engine/digest-memory.ts';
import { inWords } from '../engine/failures.ts';
import type { RunProgress } from '../engine/progress.ts';
import { takePoint } from '../engine/take-point.ts';
import type { WriteWatches } from '../engine/write-watches.ts';
import { applyRunSteps, type RunStep } from '../runs/apply-run-steps.ts';
import { PROGRESS_EVERY_MS } from '../runs/requeue.ts';
import { planPoints } from './plan.ts';
import {
  PointTask,
  stageOfPoints,
  type ChainRemovals,
  type ObservedPoints,
  type PointRuns,
  type PointsPlan,
  type PointsStep,
} from './steps.ts';

/** What a step needs beside the object. */
export interface PointTools extends Pick<BackupTools, 'sources' | 'nameAttempt'> {
  readonly runs: PointRuns;
  readonly removals: ChainRemovals;
  readonly digests: DigestMemory;
  readonly writes: WriteWatches;
  /** Monotonic, in ms. */
  readonly elapsedMs: () => number;
}

/** Carries the plan of an incremental backup out. A run is only begun; it goes on by itself. */
export async function applyPoints(
  backup: BackupObject,
  { observed, plan }: { readonly observed: ObservedPoints; readonly plan: PointsPlan },
  context: KindContext<QueueBackupReason>,
  tools: PointTools,
): Promise<Applied<ObservedPoints, PointsPlan, QueueBackupReason>> {
  const { runs, removals } = tools;
  const { now } = context;
  return await applyRunSteps(backup, plan, context, {
    type: QUEUE_BACKUPS,
    runs,
    begin(step: Exclude<PointsStep, RunStep>) {
      if (step.kind === 'removeChain') {
        beginChainRemoval(backup, observed, step.number, tools);
        return false;
      }
      if (step.kind === 'begin') beginPoint(backup, observed, now(), tools);
      else {
        removals.forget(backup.metadata.uid ?? '');
        beginRemoval(backup, observed, tools);
      }
      return true;
    },
    observeAgain(run: ObservedPoints['run']) {
      const found = { ...observed, run, stage: stageOfPoints(backup, run, now()) };
      return { observed: found, plan: planPoints(backup, found, now()) };
    },
  });
}

function beginPoint(
  backup: BackupObject,
  { storage: access, queues = [], next }: ObservedPoints,
  now: Date,
  { runs, sources, digests, writes, nameAttempt, elapsedMs }: PointTools,
): void {
  const { namespace = '', name, uid = '' } = backup.metadata;
  if (!access) throw new Error(`a point of QueueBackup ${name} begins without a storage`);
  const dueMs = elapsedMs();
  runs.begin({ uid, key: keyOf(backup), task: PointTask.point }, (context) => {
    const beganMs = elapsedMs();
    // Most points are done before their progress would be told.
    const report = (progress: RunProgress): void => {
      if (elapsedMs() - beganMs >= PROGRESS_EVERY_MS) context.report(progress);
    };
    return inWords(() =>
      withStorage(access, async (storage) => {
        const taken = await takePoint({
          ...context,
          report,
          storage,
          base: baseOf(backup, access),
          attempt: nameAttempt(now),
          uid,
          namespace,
          next,
          digests,
          writes,
          createdAt: now,
          openKey: access.openKey,
          about: { namespace, name, uid },
          queues,
          jobsPerSecond: backup.spec.jobsPerSecond,
          assertLeading: sources.assertLeading,
        });
        return { ...taken, beganMs: now.getTime(), lastedMs: elapsedMs() - dueMs };
      }),
    );
  });
}

function beginChainRemoval(
  backup: BackupObject,
  { storage: access }: ObservedPoints,
  number: number,
  { removals, sources }: PointTools,
): void {
  const { name, uid = '' } = backup.metadata;
  if (!access) throw new Error(`the removal of a chain of QueueBackup ${name} begins without a storage`);
  const directory = `${baseOf(backup, access)}${chainFolder(number)}`;
  removals.begin({ uid, key: keyOf(backup), task: PointTask.chain, isCleanup: true }, ({ signal }) =>
    inWords(() =>
      withStorage(access, async (storage) => {
        await removeChain(storage, directory, { signal, beforeRemove: sources.assertLeading });
        return number;
      }),
    ),
  );
}
