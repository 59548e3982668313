import type { Scene } from '../scene/scene.ts';
import type { Row } from './row.ts';

/** How long a worker waits that nothing wakes, and when one has not been woken that starts a job. */
const LONG = { drainDelay: 60 };
const LOOKS_ANYWAY_MS = 55_000;

const repeatStrategy = (millis: number): number => millis + 100;

/** Which job is fetched, and when. */
export const FETCHING: Row[] = [
  {
    name: 'jobs start in the order in which they were added',
    play: async (scene) => {
      await scene.add('a', 'b', 'c', 'd');
      scene.serve();
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'LIFO jobs start first',
    play: async (scene) => {
      for (const lifo of [false, true, true]) await scene.queue.add(`lifo ${lifo}`, {}, { lifo });
      scene.serve();
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'prioritized jobs start after the others, by priority, then by age',
    play: async (scene) => {
      for (const priority of [5, 1, 0, 3, 1, 0]) await scene.queue.add(`priority ${priority}`, {}, { priority });
      scene.serve();
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'a delayed job starts when it is due, though the worker waits',
    play: async (scene) => {
      scene.serve({ options: LONG });
      await scene.idle();
      const addedMs = performance.now();
      await scene.queue.add('delayed', {}, { delay: 400 });
      await scene.settled();
      const afterMs = scene.startsMs[0]! - addedMs;
      return { all: await scene.all(), inTime: afterMs > 390 && afterMs < LOOKS_ANYWAY_MS };
    },
  },
  {
    name: 'delayed jobs start in the order in which they are due',
    play: async (scene) => {
      // from the same moment on
      const timestamp = Date.now();
      const jobs = [500, 200, 350].map((delay) => ({ name: `delayed ${delay}`, data: {}, opts: { delay, timestamp } }));
      await scene.queue.addBulk(jobs);
      scene.serve();
      await scene.settled();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a delayed job with a priority keeps it when it is due',
    play: async (scene) => {
      await scene.queue.add('delayed, 2', {}, { delay: 100, priority: 2 });
      const last = await scene.queue.add('delayed, 1', {}, { delay: 100, priority: 1 });
      await scene.until('both to be due', () => Date.now() > last.timestamp + last.delay);
      scene.serve();
      await scene.settled();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a job that is added while the worker waits starts at once',
    play: async (scene) => {
      scene.serve({ options: LONG });
      await scene.idle();
      const addedMs = performance.now();
      await scene.add('a');
      await scene.settled();
      return { events: scene.events, soon: scene.startsMs[0]! - addedMs < LOOKS_ANYWAY_MS };
    },
  },
  {
    name: 'drainDelay is how long a worker waits before it looks although nothing woke it',
    play: async (scene) => {
      scene.serve({ options: { drainDelay: 0.3 } });
      await scene.idle();
      const before = scene.traffic.waitSeconds.length;
      await scene.add('a');
      // a wake-up that is lost
      await scene.redis.del(scene.queue.toKey('marker'));
      await scene.untilStarts(1);
      await scene.settled();
      await scene.looksAgain();
      // how long it really was is up to the machine
      const waited = [...new Set(scene.traffic.waitSeconds.slice(before - 1))];
      return { waited, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a job scheduler gets its next job when the one before starts',
    play: async (scene) => {
      await scene.queue.upsertJobScheduler('tick', { every: 150, limit: 3 }, { name: 'tick' });
      scene.serve();
      await scene.settled();
      const jobs = (await scene.jobs()) as { state: string }[];
      return { starts: scene.starts, states: jobs.map(({ state }) => state) };
    },
  },
  {
    name: 'a strategy of its own says when a scheduler has its next job',
    play: async (scene) => {
      const { queue } = scene;
      (queue.opts as { settings?: unknown }).settings = { repeatStrategy };
      await queue.upsertJobScheduler('own', { pattern: 'every tenth', limit: 3 }, { name: 'own' });
      scene.serve({ options: { settings: { repeatStrategy } } });
      await scene.settled();
      return scene.starts;
    },
  },
  {
    name: 'concurrency is never exceeded, and used up',
    play: async (scene) => {
      await scene.add('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
      scene.serve({ concurrency: 3, run: besideOthers(scene, 3) });
      await scene.settled();
      return { most: scene.mostRunning, jobs: await scene.jobs() };
    },
  },
  {
    name: 'the global concurrency of a queue holds beside a larger one of the worker',
    play: async (scene) => {
      await scene.queue.setGlobalConcurrency(2);
      await scene.add('a', 'b', 'c', 'd', 'e', 'f');
      scene.serve({ concurrency: 5, run: besideOthers(scene, 2) });
      await scene.settled();
      return { most: scene.mostRunning, jobs: await scene.jobs() };
    },
  },
  {
    name: 'nothing starts while the queue is paused; all of it when it is resumed',
    play: async (scene) => {
      await scene.queue.pause();
      scene.serve({ options: { drainDelay: 0.2 } });
      await scene.idle();
      await scene.add('a', 'b');
      await scene.looksAgain();
      const paused = [...scene.starts];
      await scene.queue.resume();
      await scene.settled();
      return { paused, all: await scene.all() };
    },
  },
  {
    name: 'a deduplicated job runs once, and the last of them again when it was added while the first ran',
    play: async (scene) => {
      const added = Promise.withResolvers<void>();
      scene.serve({ run: async () => await added.promise });
      const deduplication = { id: 'one', keepLastIfActive: true };
      await scene.queue.add('first', {}, { deduplication });
      await scene.untilStarts(1);
      for (const name of ['second', 'third']) await scene.queue.add(name, {}, { deduplication });
      added.resolve();
      await scene.settled();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
];

/** A run that lasts until so many are under way at once, and the worker starts no more beside them. */
function besideOthers(scene: Scene, running: number): () => Promise<void> {
  const full = Promise.withResolvers<void>();
  return async () => {
    if (scene.running === running) void scene.rest().then(full.resolve, full.reject);
    await full.promise;
  };
}
