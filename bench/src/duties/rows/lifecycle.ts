import { redisNow, SOON_MS, startTimes } from '../scene/clock.ts';
import { recordingTelemetry } from '../scene/recording-telemetry.ts';
import type { Row } from './row.ts';

/** A worker's own life: pause, resume, end, events, lost connections, traces. */
export const LIFECYCLE: Row[] = [
  {
    name: 'the events of a worker, in order',
    play: async (scene) => {
      scene.serve({
        run: async (job) => {
          await job.updateProgress(50);
          if (job.name === 'fails') throw new Error('no');
        },
      });
      await scene.add('a', 'fails');
      await scene.settled();
      // progress is told beside the run; the rest is in order
      return { events: scene.events, stream: await scene.stream() };
    },
  },
  {
    name: 'drained is told when nothing waits any more, once',
    play: async (scene) => {
      await scene.add('a', 'b');
      scene.serve({ options: { drainDelay: 0.2 } });
      await scene.settled();
      await scene.looksAgain();
      await scene.add('c');
      await scene.settled();
      return scene.events;
    },
  },
  {
    name: 'pause waits for what runs; nothing starts until resume',
    play: async (scene) => {
      await scene.add('a', 'b');
      const ending = Promise.withResolvers<void>();
      const { worker } = scene.serve({ run: async () => await ending.promise });
      await scene.untilStarts(1);
      const pausing = worker.pause();
      await scene.rest();
      ending.resolve();
      await pausing;
      const atPause = { starts: [...scene.starts], events: withoutDrained(scene.events), paused: worker.isPaused() };
      await scene.rest();
      const during = [...scene.starts];
      await worker.resume();
      await scene.settled();
      const events = withoutDrained(scene.events);
      return { atPause, during, paused: worker.isPaused(), events, jobs: await scene.jobs() };
    },
  },
  {
    name: 'pause(true) does not wait; resume has jobs start beside those that still run',
    // BullMQ 5 fetches again once those have ended
    since: 6,
    play: async (scene) => {
      const long = Promise.withResolvers<void>();
      const { worker } = scene.serve({
        concurrency: 2,
        run: async (job) => {
          if (job.name === 'long') await long.promise;
        },
      });
      await scene.add('long');
      await scene.untilStarts(1);
      await worker.pause(true);
      await scene.add('a', 'b');
      await scene.rest();
      // BullMQ's loop, which waits for a wake-up when it is paused, may still start one job for it
      const during = scene.starts.length <= 2;
      await worker.resume();
      await scene.untilStarts(3);
      long.resolve();
      await scene.settled();
      return { during, starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a worker that is paused while it waits is resumed',
    play: async (scene) => {
      const { worker } = scene.serve();
      await scene.idle();
      await worker.pause();
      await scene.add('a');
      await scene.rest();
      const during = [...scene.starts];
      await worker.resume();
      await scene.settled();
      await scene.waits();
      // one that waits for no job leaves it to the worker to bring back what it cuts
      await worker.pause(true);
      await scene.rest();
      await worker.resume();
      await scene.rest();
      await scene.add('b');
      await scene.settled();
      await scene.waits();
      return { during, starts: scene.starts, events: scene.events, onClosed: scene.traffic.onClosed };
    },
  },
  {
    name: 'pause while a rate limit holds, and resume',
    play: async (scene) => {
      await scene.add('a', 'b');
      const { worker } = scene.serve({ options: { limiter: { max: 1, duration: 1_000 } } });
      await scene.until('one job to end', () => scene.events.includes('completed a'));
      await scene.rest();
      await worker.pause();
      const limiter = scene.queue.toKey('limiter');
      const endMs = Date.now() + (await scene.redis.pttl(limiter));
      const over = async (): Promise<boolean> => Date.now() > endMs && (await scene.redis.exists(limiter)) === 0;
      await scene.until('the limit to be over', over);
      await scene.rest();
      const during = [...scene.starts];
      await worker.resume();
      await scene.settled();
      return { during, starts: scene.starts };
    },
  },
  {
    name: 'the end of a worker waits for what runs, and leaves what waits',
    play: async (scene) => {
      await scene.add('a', 'b', 'c');
      const ending = Promise.withResolvers<void>();
      const served = scene.serve({ concurrency: 2, run: async () => await ending.promise });
      await scene.untilStarts(2);
      const stopping = served.stop();
      await scene.rest();
      ending.resolve();
      await stopping;
      return { starts: scene.starts, jobs: await scene.jobs(), keys: await scene.keys() };
    },
  },
  {
    name: 'a worker that waits ends at once',
    play: async (scene) => {
      const served = scene.serve({ options: { drainDelay: 60 } });
      await scene.idle();
      const startedMs = performance.now();
      await served.stop();
      return performance.now() - startedMs < 45_000;
    },
  },
  {
    name: 'a job whose connection is lost while it runs ends once, and the next ones start',
    play: async (scene) => {
      await scene.add('a', 'b');
      const cut = Promise.withResolvers<void>();
      scene.serve({ run: async () => await cut.promise });
      await scene.untilStarts(1);
      await scene.cutConnections();
      const cutMs = await redisNow(scene);
      cut.resolve();
      await scene.settled();
      const soon = (await startTimes(scene))[1]! - cutMs < SOON_MS;
      return { soon, starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a worker whose connections are lost while it waits goes on',
    play: async (scene) => {
      scene.serve();
      await scene.idle();
      await scene.cutConnections();
      await scene.waits();
      await scene.add('a');
      await scene.settled();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a fetch that fails is told (error), and made again',
    play: async (scene) => {
      const { redis, queue } = scene;
      scene.serve();
      await scene.idle();
      await redis.set(queue.toKey('wait'), 'no list');
      await redis.zadd(queue.toKey('marker'), 0, '0');
      await scene.until('the error to be told', () => scene.errors.length > 0);
      await redis.del(queue.toKey('wait'));
      const mendedMs = await redisNow(scene);
      await scene.add('a');
      await scene.settled();
      const soon = (await startTimes(scene))[0]! - mendedMs < SOON_MS;
      const reported = [...new Set(scene.errors.map((message) => /WRONGTYPE/.exec(message)?.[0] ?? message))];
      return { reported, soon, starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'traces of a run, its retry and its failure',
    play: async (scene) => {
      const { telemetry, spans } = recordingTelemetry();
      await scene.queue.add('a', {}, { attempts: 2 });
      scene.serve({
        telemetry,
        run: async () => {
          throw new Error('no');
        },
      });
      await scene.settled();
      return spans().filter(({ name }) => !/extendLocks|moveStalledJobsToWait|startStalledCheckTimer/.test(name));
    },
  },
];

/** BullMQ says `drained` at a pause although jobs wait: it has not looked. */
function withoutDrained(events: readonly string[]): string[] {
  return events.filter((event) => event !== 'drained');
}
