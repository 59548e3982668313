import { RateLimitError } from 'bullmq';
import type { Row } from './row.ts';

/** How long a limit holds by hand; the starts before it is over are what is compared. */
const LIMIT_MS = 6_000;

/** What the library does otherwise than BullMQ, with a reason: both are stated. */
export const ON_PURPOSE: Row[] = [
  {
    name: 'a manual limit without a limiter outlasts maximumRateLimitDelay and the end of another job',
    differs: { plain: { held: false }, ours: { held: true } },
    play: async (scene) => {
      await scene.add('limits', 'long');
      const ending = Promise.withResolvers<void>();
      const limits: boolean[] = [];
      scene.serve({
        concurrency: 2,
        options: { maximumRateLimitDelay: 100 },
        run: async (job) => {
          if (job.name === 'long') return await ending.promise;
          limits.push((await scene.redis.exists(scene.queue.toKey('limiter'))) === 1);
          if (limits.length > 1) return;
          await scene.until('both to run', () => scene.running === 2);
          await scene.queue.rateLimit(LIMIT_MS);
          throw new RateLimitError();
        },
      });
      await scene.until('the limit', () => limits.length === 1 && scene.running === 1);
      await scene.rest();
      ending.resolve();
      await scene.settled();
      return { held: limits[1] === false };
    },
  },
  {
    name: 'drained is not told at a pause while jobs wait',
    differs: { plain: { drained: true }, ours: { drained: false } },
    play: async (scene) => {
      await scene.add('a', 'b');
      const ending = Promise.withResolvers<void>();
      const { worker } = scene.serve({ run: async () => await ending.promise });
      await scene.untilStarts(1);
      const pausing = worker.pause();
      ending.resolve();
      await pausing;
      await scene.rest();
      return { drained: scene.events.includes('drained') };
    },
  },
  {
    name: 'a job that comes back to a process which still runs it waits for the end of that run',
    differs: { plain: { most: 2, starts: 2 }, ours: { most: 1, starts: 2 } },
    play: async (scene) => {
      const { redis, queue } = scene;
      const [job] = await scene.add('a');
      const [active, wait, lock, marker] = ['active', 'wait', `${job!.id}:lock`, 'marker'].map((key) =>
        queue.toKey(key),
      );
      const ending = Promise.withResolvers<void>();
      scene.serve({ concurrency: 2, options: { skipStalledCheck: true }, run: async () => await ending.promise });
      await scene.untilStarts(1);
      await scene.waits();
      await scene.rest();
      // as another pod does that finds it stalled
      await redis.multi().del(lock!).lrem(active!, 1, job!.id!).lpush(wait!, job!.id!).zadd(marker!, 0, '0').exec();
      await scene.until('the job to start beside, or to be put aside', async () => {
        return scene.starts.length > 1 || (await job!.isDelayed());
      });
      await scene.rest();
      ending.resolve();
      await scene.untilStarts(2);
      await scene.settled();
      return { most: scene.mostRunning, starts: scene.starts.length };
    },
  },
];
