import { openBackup, type KeyWrapper, type OpenBackup, type Storage } from '@redis-queue/backup';
import { completeRestore, WouldRun, type OpenFlows } from '@redis-queue/bullmq';
import { withRedis } from '../access/redis.ts';
import { RunFailure } from '../runs/failure.ts';
import type { RunContext } from '../runs/runs.ts';
import { checkQueue, sourceOf } from './check-backup.ts';
import { compareQueue } from './compare-queue.ts';
import { redisInWords } from './failures.ts';
import { fillQueue } from './fill-queue.ts';
import { renamesOf, type QueueMove } from './moves.ts';
import type { QueueTarget } from './targets.ts';
import type { RunProgress } from './take-backup.ts';

export interface RestoreOptions extends RunContext<RunProgress> {
  readonly storage: Storage;
  readonly directory: string;
  /** What the manifest has to be; absent: nobody knows. */
  readonly manifestSha256?: string | undefined;
  readonly key?: KeyWrapper | undefined;
  /** Of this restore alone; with it a run goes on where the one before it ended. */
  readonly restoreId: string;
  /**
   * Where the queues of these names in the backup go.
   *
   * @throws RunFailure when one of them cannot.
   */
  readonly targetsOf: (names: readonly string[]) => readonly QueueTarget[];
  readonly openFlows: OpenFlows;
  readonly dryRun: boolean;
  readonly jobsPerSecond?: number | undefined;
  /** @throws when another may lead by now. */
  readonly assertLeading: () => void;
  readonly nowMs: () => number;
}

export interface RestoredQueue {
  readonly name: string;
  /** Name of the Queue object. */
  readonly queue: string;
  /** Jobs that are in their places. */
  readonly restored?: number;
  readonly wouldRun: number;
  readonly differences?: readonly string[];
  readonly detached?: readonly string[];
}

export interface RestoreResult {
  readonly location: string;
  readonly queues: readonly RestoredQueue[];
  /** Jobs that were restored, or of a dry run: that the backup has. */
  readonly jobs: number;
}

export interface ResumptionResult {
  /** Names of Queues whose queues were paused in the backup, or before the restore. */
  readonly stayPaused: readonly string[];
}

/** What was restored is not what the backup has. */
export class RestoreDiffersFailure extends RunFailure {
  readonly queues: readonly RestoredQueue[];

  constructor(message: string, queues: readonly RestoredQueue[]) {
    super({ reason: 'VerificationFailed', message });
    this.queues = queues;
  }
}

/**
 * Restores queues of a backup, all of them together: each part is read and checked before the first job is written, all
 * jobs are written before the first is compared, and the queues are held paused in the end. A dry run ends before it
 * writes.
 */
export async function runRestore(options: RestoreOptions): Promise<RestoreResult> {
  const { storage, directory, key, manifestSha256, signal } = options;
  const backup = await openBackup(storage, directory, {
    signal,
    ...(key && { key }),
    ...(manifestSha256 !== undefined && { manifestSha256 }),
  });
  const moves = await movesOf(backup, options);
  const location = `${storage.location}/${directory}`;
  const checked = await checkAll(backup, moves, options);
  if (options.dryRun) return resultOf(location, checked);
  return resultOf(location, await writeAll(backup, moves, checked, options));
}

/** Lets workers start jobs in queues that were restored and held. Idempotent. */
export async function resumeQueues(
  targets: readonly QueueTarget[],
  { restoreId, signal, assertLeading }: Pick<RestoreOptions, 'restoreId' | 'signal' | 'assertLeading'>,
): Promise<ResumptionResult> {
  const stayPaused = new Set<string>();
  for (const { queue, ref, target } of targets) {
    assertLeading();
    // oxlint-disable-next-line no-await-in-loop -- a parent looks for its children in the queues before it
    const { outcome } = await withRedis(target, signal, (access) =>
      redisInWords(queue, access, () => completeRestore(access.redis, ref, restoreId, { resume: true })),
    );
    if (outcome === 'paused') stayPaused.add(queue);
  }
  return { stayPaused: [...stayPaused] };
}

/** Where each queue comes from, as the backup says, and where it goes. */
async function movesOf(backup: OpenBackup, { targetsOf }: RestoreOptions): Promise<QueueMove[]> {
  const targets = targetsOf(backup.manifest.queues.map(({ name }) => name));
  const moves: Omit<QueueMove, 'rename'>[] = [];
  // oxlint-disable-next-line no-await-in-loop -- a part of each in memory at a time
  for (const target of targets) moves.push({ ...target, ...(await sourceOf(backup, target.name)) });
  return renamesOf(moves);
}

/** @throws RunFailure when flows would be cut that must not be. */
async function checkAll(
  backup: OpenBackup,
  moves: readonly QueueMove[],
  { openFlows, nowMs, report, assertLeading: _, ...rest }: RestoreOptions,
): Promise<Checked[]> {
  const checked: Checked[] = [];
  const open: string[] = [];
  let links = 0;
  for (const [queuesDone, move] of moves.entries()) {
    const wouldRun = new WouldRun(nowMs());
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { jobs, flows } = await checkQueue(backup, move, wouldRun, {
      signal: rest.signal,
      onProgress: (done) => report({ step: 'Checking', queue: move.name, jobs: done, queuesDone }),
    });
    links += flows.links;
    open.push(...flows.first);
    const [found] = wouldRun.summary();
    const runs = found && !found.paused ? found.waiting + found.prioritized + found.active + found.delayedDue : 0;
    checked.push({ name: move.name, queue: move.queue, wouldRun: runs, jobs, detached: flows.first });
  }
  if (links > 0 && openFlows === 'Refuse') {
    const message = `${links} links of flows lead to queues that are not restored into the same Redis: ${open.slice(0, 5).join('; ')}; restore those queues as well, or set openFlows to Detach`;
    throw new RunFailure({ reason: 'OpenFlows', message });
  }
  return checked;
}

interface Checked extends RestoredQueue {
  /** That the backup has. */
  readonly jobs: number;
}

async function writeAll(
  backup: OpenBackup,
  moves: readonly QueueMove[],
  checked: readonly Checked[],
  options: RestoreOptions,
): Promise<Checked[]> {
  const { restoreId, signal, assertLeading } = options;
  const restored: number[] = [];
  for (const [queuesDone, move] of moves.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other: memory is bounded by the parts of one
    const written = await withRedis(move.target, signal, (access) => fillQueue(backup, move, access, { ...options, queuesDone }));
    restored.push(written);
  }
  const queues: Checked[] = [];
  for (const [at, move] of moves.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const differences = await withRedis(move.target, signal, (access) =>
      compareQueue(backup, move, access, { ...options, queuesDone: at }),
    );
    queues.push({ ...checked[at]!, restored: restored[at]!, jobs: restored[at]!, ...(differences.length > 0 && { differences }) });
  }
  const different = queues.filter(({ differences }) => differences);
  if (different.length > 0) {
    const first = different.flatMap(({ name, differences = [] }) => differences.map((text) => `${name}: ${text}`));
    const message = `what is in Redis differs from the backup, so the queues stay paused: ${first.slice(0, 3).join('; ')}; see status.queues`;
    throw new RestoreDiffersFailure(message, queues.map(withoutJobs));
  }
  for (const { queue, ref, target } of moves) {
    assertLeading();
    // oxlint-disable-next-line no-await-in-loop -- in turn
    await withRedis(target, signal, (access) =>
      redisInWords(queue, access, () => completeRestore(access.redis, ref, restoreId, { resume: false })),
    );
  }
  return queues;
}

function resultOf(location: string, queues: readonly Checked[]): RestoreResult {
  return { location, queues: queues.map(withoutJobs), jobs: queues.reduce((total, { jobs }) => total + jobs, 0) };
}

function withoutJobs({ jobs: _, ...queue }: Checked): RestoredQueue {
  return queue;
}
