import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { deadLetterQueue, readRedriven } from '@redis-queue/bullmq';
import { eventually, startProcess, startRedis, type ChildHandle } from '@redis-queue/rig';
import { judge, type FoundJob, type Verdict } from './judge.ts';
import { ATTEMPTS, MAX_RETRIES, QUEUE, REDRIVE, RUNS_KEY, type PoisonJob } from './poison.ts';

export interface DeadLettersOptions {
  readonly jobs: number;
  readonly kills: number;
  /** How long a mover lives at most before it is killed, ms. */
  readonly longestLifeMs: number;
  readonly patienceMs: number;
  readonly progress: (message: string) => void;
}

export interface DeadLettersReport extends Verdict {
  readonly jobs: number;
  /** Movers that were killed while there was work to do. */
  readonly kills: number;
  /** Jobs that were put back. */
  readonly redriven: number;
  readonly seconds: number;
}

const PER_PAGE = 1_000;

function isThird(index: number): boolean {
  return index % 3 === 0;
}

/**
 * Poison jobs on a real worker, two movers at once that are killed at random, and a redrive of every third job, which
 * dies again: where is every job in the end, and how often did it run?
 */
export async function runDeadLetters(options: DeadLettersOptions): Promise<DeadLettersReport> {
  const { jobs, patienceMs, progress } = options;
  await using server = await startRedis();
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  const [queue, letters] = [QUEUE, deadLetterQueue(QUEUE)].map(
    ({ name, prefix }) => new Queue<PoisonJob>(name, { prefix, connection: redis, skipMetasUpdate: true }),
  ) as [Queue<PoisonJob>, Queue<PoisonJob>];
  const env = { REDIS_URL: server.url };
  const start = (file: string): ChildHandle =>
    startProcess(process.execPath, [`${import.meta.dirname}/${file}`], { env });
  const thirds = Math.ceil(jobs / 3);

  progress(`${jobs} jobs that fail whenever they run`);
  for (let from = 0; from < jobs; from += PER_PAGE) {
    const indexes = Array.from({ length: Math.min(PER_PAGE, jobs - from) }, (_, n) => from + n);
    const opts = { attempts: ATTEMPTS, stackTraceLimit: 2 };
    await queue.addBulk(indexes.map((index) => ({ name: 'poison', data: { index, third: isThird(index) }, opts })));
  }
  const startMs = performance.now();
  const worker = start('poison-worker.ts');
  const isSettled = async (): Promise<boolean> => {
    const { failed = 0, waiting = 0, active = 0, delayed = 0 } = await queue.getJobCounts();
    if (failed + waiting + active + delayed > 0) return false;
    return (await letters.getFailedCount()) >= jobs && (await readRedriven(redis, QUEUE, REDRIVE)) >= thirds;
  };
  const ended = Promise.withResolvers<void>();
  const killing = killMovers(() => start('mover-process.ts'), options, ended.promise);
  await eventually(isSettled, { timeoutMs: patienceMs, intervalMs: 200, description: 'every job to be dead' }).catch(
    // The counts below say what is missing.
    (error: unknown) => progress(String(error)),
  );
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  ended.resolve();
  const killed = await killing;
  await worker.stop();

  progress('where is every job now?');
  const found = [
    ...(await everyJob(letters, ['failed'], true)),
    ...(await everyJob(queue, ['waiting', 'active', 'delayed', 'failed', 'completed'], false)),
  ];
  const runs = await redis.hgetall(RUNS_KEY);
  const perLife = Math.max(ATTEMPTS, 1 + MAX_RETRIES);
  const verdict = judge(jobs, found, {
    of: (index) => Number(runs[index] ?? 0),
    expected: (index) => (isThird(index) ? 2 : 1) * perLife,
  });
  const redriven = await readRedriven(redis, QUEUE, REDRIVE);
  redis.disconnect();
  return { ...verdict, jobs, kills: killed, redriven, seconds };
}

/** Keeps two movers running, and kills one at a time after a random life. @returns how many were killed. */
async function killMovers(
  start: () => ChildHandle,
  { kills, longestLifeMs, progress }: DeadLettersOptions,
  ended: Promise<void>,
): Promise<number> {
  const movers = [start(), start()];
  let [killed, isOver] = [0, false];
  void ended.then(() => (isOver = true));
  while (killed < kills) {
    const victim = movers.shift()!;
    await Promise.race([victim.waitForLine(/^ready$/, { timeoutMs: 60_000 }), ended]);
    await Promise.race([sleep(Math.random() * longestLifeMs), ended]);
    if (isOver) break;
    await victim.stop('SIGKILL');
    movers.push(start());
    killed++;
    progress(`${killed} movers killed`);
  }
  await ended;
  await Promise.all(movers.map((mover) => mover.stop()));
  return killed;
}

/** As BullMQ itself lists them. */
async function everyJob(
  queue: Queue<PoisonJob>,
  states: Parameters<typeof queue.getJobs>[0],
  dead: boolean,
): Promise<FoundJob[]> {
  const found: FoundJob[] = [];
  for (let from = 0; ; from += PER_PAGE) {
    const page = (await queue.getJobs(states, from, from + PER_PAGE - 1, true)) as (Job<PoisonJob> | undefined)[];
    if (page.length === 0) return found;
    for (const job of page) if (job) found.push({ index: job.data.index, dead, finishedOn: job.finishedOn ?? 0 });
  }
}
