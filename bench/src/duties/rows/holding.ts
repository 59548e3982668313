import { WaitingError } from 'bullmq';
import type { Locks, Scene } from '../scene/scene.ts';
import type { Row } from './row.ts';

const SHORT: Locks = { durationMs: 3_000, renewMs: 600, searchMs: 600 };
/** Many renewals late: a busy machine may keep the process from some. */
const RENEWED: Locks = { ...SHORT, durationMs: 6_000 };

/** Locks, stalls and starts. */
export const HOLDING: Row[] = [
  {
    name: 'the lock of a job that runs for longer than it lasts is renewed',
    play: async (scene) => {
      await scene.add('a');
      scene.serve({
        locks: RENEWED,
        run: async () => {
          const endMs = Date.now() + RENEWED.durationMs;
          await scene.until('the first lock to be over', () => Date.now() > endMs);
          await scene.searchesAgain();
        },
      });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'skipLockRenewal lets the lock of a job end while it runs',
    play: async (scene) => {
      const [job] = await scene.add('a');
      const seen = Promise.withResolvers<void>();
      scene.serve({
        locks: SHORT,
        options: { skipLockRenewal: true, skipStalledCheck: true },
        run: async () => await seen.promise,
      });
      await scene.untilStarts(1);
      const locked = async (): Promise<boolean> =>
        (await scene.redis.exists(scene.queue.toKey(`${job!.id}:lock`))) === 1;
      const key = scene.queue.toKey(`${job!.id}:lock`);
      const before = await locked();
      const atMost = (await scene.redis.pttl(key)) <= SHORT.durationMs;
      await scene.until('the lock to end', async () => !(await locked()));
      const running = scene.running;
      seen.resolve();
      return { before, atMost, running, starts: scene.starts };
    },
  },
  {
    name: 'a stalled job runs again, and counts a stall',
    play: async (scene) => {
      await stall(scene, 'a');
      scene.serve({ locks: SHORT });
      await scene.until('a stall', () => scene.events.includes('stalled'));
      await scene.settled();
      // the search runs beside the fetches, of which the first may find nothing
      const events = scene.events.filter((event) => event !== 'drained').toSorted();
      return { starts: scene.starts, events, jobs: await scene.jobs() };
    },
  },
  {
    name: 'maxStalledCount fails a job that stalled more often',
    play: async (scene) => {
      await stall(scene, 'a');
      scene.serve({ locks: SHORT, options: { maxStalledCount: 0 } });
      await scene.settled();
      const jobs = (await scene.jobs()) as { failedReason: string }[];
      // the library goes on after a colon: what it means, and what to do
      const reasons = jobs.map(({ failedReason }) => failedReason.split(':')[0]);
      return { starts: scene.starts, reasons, jobs: jobs.map((job) => ({ ...job, failedReason: '' })) };
    },
  },
  {
    name: 'skipStalledCheck leaves stalled jobs to others',
    play: async (scene) => {
      await stall(scene, 'a');
      // a wait is as long as the time between two searches
      scene.serve({ locks: SHORT, options: { skipStalledCheck: true, drainDelay: SHORT.searchMs / 1_000 } });
      await scene.idle();
      await scene.looksAgain();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'maxStartedAttempts fails a job that was started more often',
    play: async (scene) => {
      await scene.queue.add('a', {}, { attempts: 10 });
      scene.serve({
        options: { maxStartedAttempts: 2 },
        run: async (job) => {
          await job.moveToWait(job.token);
          throw new WaitingError();
        },
      });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'maxStartedAttempts bounds the attempts',
    play: async (scene) => {
      await scene.queue.add('a', {}, { attempts: 10 });
      scene.serve({
        options: { maxStartedAttempts: 2 },
        run: async () => {
          throw new Error('no');
        },
      });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'a lost lock is told (lockRenewalFailed), and the end of its job is not recorded',
    play: async (scene) => {
      const [job] = await scene.add('a');
      const lost: unknown[] = [];
      const aborts: unknown[] = [];
      const { worker } = scene.serve({
        locks: SHORT,
        options: { skipStalledCheck: true },
        run: async (_job, { signal }) => {
          await scene.until('the loss to be told', () => lost.length > 0);
          aborts.push(signal.aborted && String(signal.reason));
        },
      });
      worker.on('lockRenewalFailed', (ids) => lost.push(...ids));
      await scene.untilStarts(1);
      await scene.redis.set(scene.queue.toKey(`${job!.id}:lock`), 'somebody else');
      await scene.until('the run to end', () => lost.length > 0 && scene.running === 0);
      await scene.rest();
      const [end] = (await scene.jobs()) as { state: string; attemptsMade: number }[];
      const { state, attemptsMade } = end!;
      return { lost: [...new Set(lost)], aborts, state, attemptsMade, starts: scene.starts };
    },
  },
  {
    name: 'each fetch has a token of its own',
    play: async (scene) => {
      await scene.add('a', 'b');
      const both = Promise.withResolvers<void>();
      scene.serve({ concurrency: 2, run: async () => await both.promise });
      await scene.untilStarts(2);
      both.resolve();
      await scene.settled();
      await scene.idle();
      // of no fetch with the end of a job, which goes on with that job's token
      await scene.add('c');
      await scene.settled();
      return { starts: scene.starts.toSorted(), tokens: new Set(scene.tokens).size };
    },
  },
  {
    name: 'cancelJob aborts the signal of a job that runs',
    play: async (scene) => {
      const [job] = await scene.add('a', 'b');
      const { worker } = scene.serve({
        run: async (active, { signal }) => active.name === 'a' && (await aborted(signal)),
      });
      await scene.untilStarts(1);
      await scene.rest();
      const cancelled = [worker.cancelJob(job!.id!, 'not needed'), worker.cancelJob('none')];
      await scene.settled();
      return { cancelled, all: await scene.all() };
    },
  },
  {
    name: 'cancelAllJobs aborts the signals of all',
    play: async (scene) => {
      await scene.add('a', 'b');
      const { worker } = scene.serve({ concurrency: 2, run: async (_job, { signal }) => await aborted(signal) });
      await scene.untilStarts(2);
      await scene.rest();
      worker.cancelAllJobs('enough');
      await scene.settled();
      return { starts: scene.starts.toSorted(), jobs: await scene.jobs() };
    },
  },
];

/** A job as a worker leaves it that dies: active, its lock ended, and marked by the search before this one. */
async function stall(scene: Scene, name: string): Promise<void> {
  const { redis, queue } = scene;
  const [job] = await scene.add(name);
  await redis.lrem(queue.toKey('wait'), 1, job!.id!);
  await redis.lpush(queue.toKey('active'), job!.id!);
  await redis.sadd(queue.toKey('stalled'), job!.id!);
  await redis.del(queue.toKey('marker'));
}

async function aborted(signal: AbortSignal): Promise<never> {
  return await new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`aborted: ${String(signal.reason)}`)), { once: true });
  });
}
