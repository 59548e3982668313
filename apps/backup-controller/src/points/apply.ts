import { chainFolder, removeChain } from '@redis-queue/backup';
import { QUEUE_BACKUPS, type QueueBackupReason } from '@redis-queue/api';
import type { Applied, KindContext } from '@redis-queue/controller';
import { withStorage } from '../access/open-storage.ts';
import { baseOf, beginRemoval, type BackupTools } from '../backups/apply.ts';
import { resolveStorage, type ResolvedStorage } from '../access/storage-access.ts';
import type { BackupObject, Problem } from '../backups/steps.ts';
import type { DigestMemory } from '../engine/digest-memory.ts';
import { inWords } from '../engine/failures.ts';
import type { RunProgress } from '../engine/progress.ts';
import { takePoint } from '../engine/take-point.ts';
import type { WriteWatches } from '../engine/write-watches.ts';
import { applyRunSteps, type RunStep } from '../runs/apply-run-steps.ts';
import { lookAgain, ofRun, type LookAgainOptions, type ObjectOfRun } from '../runs/look-again.ts';
import { PROGRESS_EVERY_MS } from '../runs/requeue.ts';
import { NO_RUNS } from '../runs/runs.ts';
import { expiredChains } from './chains.ts';
import { observePoints, type PointSources } from './observe.ts';
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
export interface PointTools extends Pick<BackupTools, 'sources' | 'nameAttempt'>, Pick<PointSources, 'readers'> {
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
  const { client, now } = context;
  return await applyRunSteps(backup, plan, context, {
    type: QUEUE_BACKUPS,
    runs,
    begin(step: Exclude<PointsStep, RunStep>) {
      const [of, api] = [ofRun(backup), { client, now }];
      if (step.kind === 'removeChain') {
        beginChainRemoval(of, step.number, tools, api);
        return false;
      }
      if (step.kind === 'begin') beginPoint(of, tools, api);
      else {
        removals.forget(of.uid);
        beginRemoval(of, lookAtPoints(tools, api), tools);
      }
      return true;
    },
    observeAgain(run: ObservedPoints['run']) {
      const found = { ...observed, run, stage: stageOfPoints(backup, run, now()) };
      return { observed: found, plan: planPoints(backup, found, now()) };
    },
  });
}

type Api = Pick<KindContext<QueueBackupReason>, 'client' | 'now'>;

/** The object anew, and what a run of it needs. */
function lookAtPoints(
  { sources, readers }: PointTools,
  { client, now }: Api,
): LookAgainOptions<BackupObject, ObservedPoints> {
  const known = { sources, readers, runs: NO_RUNS, removals: NO_RUNS };
  return {
    client,
    type: QUEUE_BACKUPS,
    observe: (backup, signal) => observePoints(backup, known, { now: now(), signal }),
    plan: (backup, observed) => planPoints(backup, observed, now()),
  };
}

/** The same for the removal of a chain, which goes on beside its points. */
function lookAtChain(
  number: number,
  { sources, readers }: PointTools,
  { client, now }: Api,
): LookAgainOptions<BackupObject, ResolvedStorage & { readonly problem?: Problem }> {
  return {
    client,
    type: QUEUE_BACKUPS,
    observe: ({ metadata: { namespace = '' }, spec }, signal) =>
      resolveStorage(namespace, spec, sources.storage, sources.secretsOf(namespace, signal)),
    plan(backup, { ok }) {
      const expired = expiredChains(backup, { now: now(), isRead: () => readers.of(backup) !== undefined });
      const isDue = ok && backup.metadata.deletionTimestamp === undefined && expired.includes(number);
      return { steps: isDue ? [{ kind: 'removeChain' }] : [] };
    },
  };
}

function beginPoint(of: ObjectOfRun, tools: PointTools, api: Api): void {
  const { runs, sources, digests, writes, nameAttempt, elapsedMs } = tools;
  const look = lookAtPoints(tools, api);
  const [dueAtMs, dueMs] = [api.now().getTime(), elapsedMs()];
  runs.begin({ ...of, task: PointTask.point, purpose: 'backup' }, (context) => {
    const beganMs = elapsedMs();
    // Most points are done before their progress would be told.
    const report = (progress: RunProgress): void => {
      if (elapsedMs() - beganMs >= PROGRESS_EVERY_MS) context.report(progress);
    };
    return inWords(async () => {
      // A point is removed before it is taken, as an attempt that nobody knows of: never one that is noted.
      const { object: backup, observed } = await lookAgain(of, 'begin', context.signal, look);
      const { storage: access, selected, next } = observed;
      const { namespace = '', name, uid = '' } = backup.metadata;
      if (!access || !selected) throw new Error(`a point of QueueBackup ${name} begins without a storage or queues`);
      const createdAt = api.now();
      return await withStorage(access, async (storage) => {
        const taken = await takePoint({
          ...context,
          report,
          storage,
          base: baseOf(backup, access),
          attempt: nameAttempt(createdAt),
          uid,
          namespace,
          next,
          digests,
          writes,
          createdAt,
          openKey: access.openKey,
          about: { namespace, name, uid },
          ...selected,
          jobsPerSecond: backup.spec.jobsPerSecond,
          assertLeading: sources.assertLeading,
        });
        return { ...taken, beganMs: dueAtMs, lastedMs: elapsedMs() - dueMs };
      });
    });
  });
}

function beginChainRemoval(of: ObjectOfRun, number: number, tools: PointTools, api: Api): void {
  const { removals, sources } = tools;
  const look = lookAtChain(number, tools, api);
  removals.begin({ ...of, task: PointTask.chain, purpose: 'removal' }, ({ signal }) =>
    inWords(async () => {
      const { object: backup, observed } = await lookAgain(of, 'removeChain', signal, look);
      if (!observed.ok)
        throw new Error(`the removal of a chain of QueueBackup ${of.key.name} begins without a storage`);
      const directory = `${baseOf(backup, observed.access)}${chainFolder(number)}`;
      return await withStorage(observed.access, async (storage) => {
        await removeChain(storage, directory, { signal, beforeRemove: sources.assertLeading });
        return number;
      });
    }),
  );
}
