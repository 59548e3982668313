import { redisNow, SOON_MS, startTimes } from '../scene/clock.ts';
import type { Row } from './row.ts';

/** Nothing but a wake-up ends a wait in time. */
const LONG = { drainDelay: 60 };

/** Two pods, of which one serves a second queue: with the library both queues share its one slot. */
export const PODS: Row[] = [
  {
    name: 'a wake-up that comes to a pod which has no slot free wakes the other pod',
    play: async (scene) => {
      const other = scene.another('other');
      const ending = Promise.withResolvers<void>();
      const run = async (job: { name: string }): Promise<void> => {
        if (job.name === 'long') await ending.promise;
      };
      scene.serve({ beside: other, options: LONG, run });
      await scene.waits(2);
      await other.add('long', {});
      await scene.untilStarts(1);
      // waits after the first pod, so that Redis answers that one first
      scene.serve({ options: LONG });
      await scene.waits(2);
      await scene.rest();
      const addedMs = await redisNow(scene);
      await scene.add('a');
      await scene.untilStarts(2);
      const [startMs] = await startTimes(scene);
      const running = scene.running > 0;
      ending.resolve();
      await scene.settled();
      return { soon: startMs! - addedMs < SOON_MS, running, starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'room under a global concurrency is used by another pod when the one that made it has other work',
    play: async (scene) => {
      const other = scene.another('other');
      await scene.queue.setGlobalConcurrency(1);
      const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const endings: Record<string, Promise<void>> = { a: first.promise, long: second.promise };
      scene.serve({ beside: other, options: LONG, run: async (job) => await endings[job.name] });
      await scene.waits(2);
      await scene.add('a');
      await scene.untilStarts(1);
      await other.add('long', {});
      await scene.rest();
      await scene.add('b');
      await scene.rest();
      scene.serve({ options: LONG });
      await scene.waits();
      await scene.rest();
      const endedMs = await redisNow(scene);
      first.resolve();
      await scene.until('the next job to start', () => scene.starts.includes('b'));
      const startMs = (await startTimes(scene))[1]!;
      await scene.until('the other job to start', () => scene.starts.includes('long'));
      second.resolve();
      await scene.settled();
      return { soon: startMs - endedMs < SOON_MS, starts: scene.starts.toSorted(), jobs: await scene.jobs() };
    },
  },
];
