import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess } from '@redis-queue/rig';
import { seededRandom } from '@redis-queue/simulator';
import { seedEveryState } from '../backup/seed.ts';
import { percentile, tenths } from '../measuring/percentile.ts';
import { samplesOf } from '../measuring/prometheus.ts';
import { exposures } from './points.ts';
import { restoreAt, type RestoreResult } from './restores.ts';
import { IncrementalStand, QUEUE } from './stand.ts';
import { workerThroughput } from './throughput.ts';

export interface IncrementalOptions {
  /** Jobs of the queue before the load, which stay as they are. */
  readonly jobs: number;
  readonly dataBytes: number;
  readonly jobsPerSecond: number;
  /** How long the load lasts. */
  readonly seconds: number;
  readonly everySeconds: number;
  /** Of the controller and of Redis, in turns. */
  readonly kills: number;
  readonly restores: number;
  /** Turns in which workers are compared; 0: they are not. */
  readonly turns: number;
  readonly seed: number;
  readonly progress: (message: string) => void;
}

export interface IncrementalReport {
  readonly jobs: number;
  readonly seconds: number;
  readonly everyS: number;
  readonly kills: number;
  readonly points: number;
  /** Jobs that were there all the time while a restored point was read, and are not in it or differ: must be 0. */
  readonly lost: number;
  /** Such jobs, over all restores. */
  readonly throughout: number;
  /** For how long a change was in no finished point. */
  readonly rpoP50S: number;
  readonly rpoP99S: number;
  readonly rpoMaxS: number;
  /** The longest restore, from its object to the queue that is whole and paused. */
  readonly rtoS: number;
  readonly rtoP50S: number;
  /** Stored, of a full point per job, and of the others per job that changed. */
  readonly bytesPerJob: number;
  readonly bytesPerChangedJob: number;
  readonly changedPerPoint: number;
  readonly workerThroughputShare: number | undefined;
  readonly workersPerSecond: number | undefined;
  readonly rows: readonly RestoreResult[];
}

/** Nobody works on them. */
const AT_REST = { delayed: 0.3, completed: 0.5, failed: 0.2 };
const RESTORE_TIMEOUT_MS = 600_000;
const EXPOSURE_STEP_MS = 100;

/** An incremental backup of a queue that is worked on, while its Redis and its controller are killed, and restores of it. */
export async function runIncremental(options: IncrementalOptions): Promise<IncrementalReport> {
  const { jobs, dataBytes, seconds, everySeconds, turns, progress } = options;
  await using stand = await IncrementalStand.start();
  progress(`${jobs} jobs that stay as they are`);
  await seedEveryState(stand.clients.source, QUEUE, jobs, dataBytes, AT_REST);
  await stand.startController();
  const createdMs = Date.now();
  await stand.startBackup(`${everySeconds}s`);
  await stand.pointSince(createdMs);
  const fullBytes = (await stand.backup()).status?.storedBytes ?? Number.NaN;
  const windowMs = Math.max(2, Math.ceil(60 / everySeconds)) * everySeconds * 1_000;
  const throughput = turns > 0 ? await workerThroughput(stand, { turns, windowMs, progress }) : undefined;
  if (throughput) await stand.startController();

  const load = await underLoad(stand, options);
  const status = (await stand.backup()).status;
  const rpo = load.exposuresMs.map((ms) => ms / 1_000);
  const rto = load.restored.map((restore) => restore.seconds);
  const sum = (of: (restore: RestoreResult) => number): number =>
    load.restored.reduce((total, restore) => total + of(restore), 0);
  return {
    jobs,
    seconds,
    everyS: everySeconds,
    kills: load.kills,
    points: stand.points.length,
    lost: sum(({ missing, different, oldLost, unplaced }) => missing + different + oldLost + unplaced),
    throughout: sum(({ throughout }) => throughout + jobs),
    rpoP50S: tenths(percentile(rpo, 0.5)),
    rpoP99S: tenths(percentile(rpo, 0.99)),
    rpoMaxS: tenths(Math.max(...rpo)),
    rtoS: tenths(Math.max(...rto)),
    rtoP50S: tenths(percentile(rto, 0.5)),
    bytesPerJob: tenths(fullBytes / jobs),
    bytesPerChangedJob: tenths(((status?.storedBytes ?? Number.NaN) - fullBytes) / load.changedJobs),
    changedPerPoint: Math.round(load.changedJobs / load.newPoints),
    workerThroughputShare: throughput?.workerThroughputShare,
    workersPerSecond: throughput?.workersPerSecond,
    rows: load.restored,
  };
}

interface LoadResult {
  readonly restored: readonly RestoreResult[];
  readonly kills: number;
  readonly exposuresMs: readonly number[];
  readonly changedJobs: number;
  readonly newPoints: number;
}

async function underLoad(
  stand: IncrementalStand,
  { jobs, jobsPerSecond, seconds, kills, restores, seed, progress }: IncrementalOptions,
): Promise<LoadResult> {
  const random = seededRandom(seed);
  const load = startProcess(process.execPath, [`${import.meta.dirname}/load-process.ts`], {
    env: {
      REDIS_URL: stand.rig.redis.url,
      QUEUE,
      JOBS_PER_SECOND: String(jobsPerSecond),
      LEDGER: stand.ledgerFile,
      SEED: String(seed),
    },
  });
  await load.waitForLine(/^loaded$/, { timeoutMs: 60_000 });
  const [beganMs, pointsBefore] = [Date.now(), stand.points.length];
  const untilMs = beganMs + seconds * 1_000;
  const moment = async (share: number): Promise<void> => {
    await sleep(Math.max(0, beganMs + share * seconds * 1_000 - Date.now()));
  };
  const changed = new GrowingCounter(stand, 'redis_queue_incremental_backup_changed_jobs_total');
  const counting = (async () => {
    for (; Date.now() < untilMs; await sleep(500)) await changed.read();
  })();
  const killing = (async () => {
    for (let kill = 0; kill < kills; kill++) {
      await moment((kill + random()) / kills);
      const victim = kill % 2 === 0 ? 'controller' : 'Redis';
      progress(`${Math.round((Date.now() - beganMs) / 1_000)} s: kills the ${victim}`);
      await (victim === 'Redis' ? stand.killRedis() : stand.killController());
    }
  })();
  const restored: RestoreResult[] = [];
  const restoring = (async () => {
    for (let n = 1; n <= restores; n++) {
      await moment((n - 0.5 + 0.5 * random()) / restores);
      const { timeMs: firstMs } = await stand.pointSince(beganMs);
      const at = new Date(firstMs + random() * (Date.now() - firstMs));
      const result = await restoreAt(stand, `copy-${n}`, at, {
        oldJobs: jobs,
        timeoutMs: RESTORE_TIMEOUT_MS,
      });
      progress(`restored ${JSON.stringify(result)}`);
      restored.push(result);
    }
  })();
  await Promise.all([counting, killing, restoring, moment(1)]);
  await load.stop();
  await stand.pointSince(untilMs);
  await changed.read();
  for (const line of load.stderr.slice(0, 5)) progress(`load: ${line}`);
  for (const line of stand.endings) progress(`the controller ended by itself: ${line}`);
  return {
    restored,
    kills,
    exposuresMs: exposures(stand.points, { fromMs: beganMs, toMs: untilMs, stepMs: EXPOSURE_STEP_MS }),
    changedJobs: changed.value,
    newPoints: stand.points.length - pointsBefore,
  };
}

/** What a counter of a process has counted, over its restarts. */
class GrowingCounter {
  value = 0;
  readonly #stand: IncrementalStand;
  readonly #name: string;
  #last: number | undefined;

  constructor(stand: IncrementalStand, name: string) {
    this.#stand = stand;
    this.#name = name;
  }

  async read(): Promise<void> {
    // While the process is started anew it has no page.
    const page = await this.#stand.controller.metrics().catch(() => undefined);
    if (page === undefined) return;
    const now = samplesOf(page, this.#name).reduce((sum, { value }) => sum + value, 0);
    if (this.#last !== undefined) this.value += now >= this.#last ? now - this.#last : now;
    this.#last = now;
  }
}
