import { RateLimitError, Worker } from 'bullmq';
import { redisNow, startTimes } from '../scene/clock.ts';
import type { Scene } from '../scene/scene.ts';
import type { Row } from './row.ts';

const WINDOW_MS = 800;
/** Redis' stream has the times of whole ms. */
const CLOCK_MS = 2;
/** Long beside what a busy machine adds to a look during it. */
const LIMIT_MS = 2_000;

/** Rate limits: of the queue, of the worker, by hand. */
export const LIMITS: Row[] = [
  {
    name: "the queue's rate limit spaces the starts",
    play: async (scene) => {
      await scene.queue.setGlobalRateLimit(2, WINDOW_MS);
      await scene.add('a', 'b', 'c', 'd', 'e');
      scene.serve({ concurrency: 5 });
      await scene.settled();
      return { spaced: await spaced(scene, 2), jobs: await scene.jobs() };
    },
  },
  {
    name: 'a limiter of the worker spaces the starts',
    play: async (scene) => {
      await scene.add('a', 'b', 'c', 'd', 'e');
      scene.serve({ options: { limiter: { max: 2, duration: WINDOW_MS } } });
      await scene.settled();
      return { spaced: await spaced(scene, 2), jobs: await scene.jobs() };
    },
  },
  {
    name: 'the end of a job says that the limit is reached: nothing is fetched until it is over',
    play: async (scene) => {
      await scene.add('a', 'b', 'c');
      scene.serve({ options: { limiter: { max: 1, duration: LIMIT_MS } } });
      await scene.settled();
      return { held: [await held(scene, 1), await held(scene, 2)], starts: scene.starts };
    },
  },
  {
    name: 'a manual limit (Queue.rateLimit, Worker.RateLimitError) puts the job back and holds the worker',
    play: async (scene) => {
      await scene.add('a', 'b');
      scene.serve({
        run: async () => {
          if (scene.starts.length > 1) return;
          await scene.queue.rateLimit(LIMIT_MS);
          throw Worker.RateLimitError();
        },
      });
      await scene.untilStarts(1);
      await scene.settled();
      return { held: await held(scene, 1), all: await scene.all() };
    },
  },
  {
    name: "a manual limit by what the handler is given, beside the worker's limiter",
    play: async (scene) => {
      await scene.add('a', 'b');
      scene.serve({
        options: { limiter: { max: 100, duration: 1_000 } },
        run: async (_job, { rateLimit }) => {
          if (scene.starts.length === 1) await rateLimit(LIMIT_MS);
        },
      });
      await scene.untilStarts(1);
      await scene.settled();
      return { held: await held(scene, 1), starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a manual limit holds all slots of the worker',
    play: async (scene) => {
      await scene.add('a', 'b', 'c', 'd', 'e', 'f');
      const allRun = Promise.withResolvers<void>();
      scene.serve({
        concurrency: 3,
        run: async () => {
          if (scene.starts.length > 3) return;
          await allRun.promise;
          await scene.queue.rateLimit(LIMIT_MS);
          throw new RateLimitError();
        },
      });
      await scene.untilStarts(3);
      await scene.rest();
      allRun.resolve();
      await scene.settled();
      return { held: await held(scene, 3), jobs: await scene.jobs() };
    },
  },
  {
    name: 'a RateLimitError without a limit has the job run again at once',
    play: async (scene) => {
      await scene.add('a', 'b');
      scene.serve({
        run: async () => {
          if (scene.starts.length < 4) throw new RateLimitError();
        },
      });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'a prioritized job that is limited goes back to its priority',
    play: async (scene) => {
      await scene.queue.add('first', {}, { priority: 2 });
      await scene.queue.add('second', {}, { priority: 2 });
      scene.serve({
        run: async () => {
          if (scene.starts.length > 1) return;
          await scene.queue.add('better', {}, { priority: 1 });
          await scene.queue.rateLimit(300);
          throw new RateLimitError();
        },
      });
      await scene.settled();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a limit that somebody else has set by hand is kept where the worker has a limiter',
    play: async (scene) => {
      const beforeMs = await redisNow(scene);
      await scene.queue.rateLimit(LIMIT_MS);
      await scene.add('a');
      scene.serve({ options: { limiter: { max: 10, duration: 1_000 } } });
      await scene.settled();
      const [startMs] = await startTimes(scene);
      return { held: startMs! - beforeMs > LIMIT_MS * 0.9, starts: scene.starts };
    },
  },
  {
    name: 'maximumRateLimitDelay is how long delayed jobs are not promoted while the limit holds',
    play: async (scene) => {
      scene.serve({ options: { limiter: { max: 1, duration: 600_000 }, maximumRateLimitDelay: 100 } });
      await scene.add('a', 'b');
      await scene.untilStarts(1);
      const delayed = await scene.queue.add('delayed', {}, { delay: 200 });
      await scene.until('the delayed job to be promoted', async () => (await delayed.getState()) === 'waiting');
      return scene.starts;
    },
  },
  {
    name: 'a limit that is lifted is noticed after maximumRateLimitDelay',
    play: async (scene) => {
      scene.serve({ options: { limiter: { max: 1, duration: 600_000 }, maximumRateLimitDelay: 200 } });
      await scene.add('a', 'b');
      await scene.until('one job to end', () => scene.events.includes('completed a'));
      await scene.rest();
      await scene.queue.removeRateLimitKey();
      await scene.untilStarts(2);
      return scene.starts;
    },
  },
];

/**
 * Whether no window has more than `max` starts, by Redis' clock: the first start after one opens the next. A busy machine
 * may begin a job of a window at its very end, just before those of the next.
 */
async function spaced(scene: Scene, max: number): Promise<boolean> {
  let [openedMs, started] = [-Infinity, 0];
  for (const startMs of await startTimes(scene)) {
    if (startMs - openedMs > WINDOW_MS - CLOCK_MS) [openedMs, started] = [startMs, 0];
    if (++started > max) return false;
  }
  return true;
}

/** Whether `LIMIT_MS` lay between the start of so many jobs and the next one, by Redis' clock. */
async function held(scene: Scene, jobs: number): Promise<boolean> {
  const startsMs = await startTimes(scene);
  return startsMs[jobs]! - startsMs[jobs - 1]! > LIMIT_MS * 0.9;
}
