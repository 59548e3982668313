import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq';
import type { Run, Scene } from '../scene/scene.ts';
import type { Row } from './row.ts';

const fails: Run = async (job) => {
  throw new Error(`no ${job.attemptsMade}`);
};

/** What a job comes to. */
export const ENDS: Row[] = [
  {
    name: 'results are kept as they are, or as null',
    play: async (scene) => {
      const results = [undefined, null, 0, '', 'text', [1, { two: 2 }], false];
      await scene.add(...results.map((_, i) => `${i}`));
      scene.serve({ run: async (job) => results[Number(job.name)] });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'an error fails the job, with its reason and stack',
    play: async (scene) => {
      await scene.add('a', 'b');
      scene.serve({ run: fails });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'a result that is no JSON fails the job',
    play: async (scene) => {
      await scene.add('a');
      scene.serve({
        run: async () => {
          const circle: { self?: unknown } = {};
          circle.self = circle;
          return circle;
        },
      });
      await scene.settled();
      return { starts: scene.starts, states: await states(scene) };
    },
  },
  {
    name: 'attempts without a back-off follow at once',
    play: async (scene) => {
      await scene.queue.add('a', {}, { attempts: 3 });
      await scene.add('b');
      scene.serve({ run: fails });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'a job succeeds in a later attempt',
    play: async (scene) => {
      await scene.queue.add('a', {}, { attempts: 3 });
      scene.serve({ run: async (job, tools) => (job.attemptsMade < 2 ? await fails(job, tools) : 'at last') });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'a retry of a LIFO job, and one of a prioritized job',
    play: async (scene) => {
      await scene.queue.add('priority', {}, { attempts: 2, priority: 3 });
      await scene.add('plain');
      await scene.queue.add('lifo', {}, { attempts: 2, lifo: true });
      scene.serve({ run: fails });
      await scene.settled();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a fixed back-off',
    play: async (scene) => await backsOff(scene, { type: 'fixed', delay: 200 }),
  },
  {
    name: 'an exponential back-off',
    play: async (scene) => await backsOff(scene, { type: 'exponential', delay: 150 }),
  },
  {
    name: "a back-off strategy of the worker's settings, and what it is told",
    play: async (scene) => {
      const calls: unknown[] = [];
      await scene.queue.add('a', {}, { attempts: 4, backoff: { type: 'mine' } });
      scene.serve({
        run: fails,
        options: {
          settings: {
            backoffStrategy: (attemptsMade, type, error, job) => {
              calls.push({ attemptsMade, type, error: error?.message, job: job?.name });
              return attemptsMade * 50;
            },
          },
        },
      });
      await scene.settled();
      return { calls, starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a back-off strategy that says -1 ends the attempts, one that says 0 has no wait',
    play: async (scene) => {
      await scene.queue.add('ends', {}, { attempts: 4, backoff: { type: 'ends' } });
      await scene.queue.add('at once', {}, { attempts: 3, backoff: { type: 'at once' } });
      scene.serve({
        run: fails,
        options: { settings: { backoffStrategy: (_made, type) => (type === 'ends' ? -1 : 0) } },
      });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'an UnrecoverableError fails for good',
    play: async (scene) => {
      await scene.queue.add('a', {}, { attempts: 5 });
      scene.serve({
        run: async () => {
          throw new UnrecoverableError('never');
        },
      });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'what is thrown need not be an Error',
    play: async (scene) => {
      await scene.queue.add('a', {}, { attempts: 2 });
      scene.serve({
        run: async () => {
          // eslint-disable-next-line @typescript-eslint/only-throw-error
          throw { message: 'a mere object' };
        },
      });
      await scene.settled();
      return { starts: scene.starts, states: await states(scene) };
    },
  },
  {
    name: 'a job that delays itself (moveToDelayed, DelayedError) has made no attempt',
    play: async (scene) => {
      const [a] = await scene.add('a', 'b');
      scene.serve({
        run: async (job) => {
          if (job.name !== 'a' || job.attemptsStarted > 1) return;
          await job.moveToDelayed(Date.now() + 600_000, job.token);
          throw new DelayedError();
        },
      });
      // nothing is due before the other job has ended, however long that takes
      await scene.idle();
      await (await scene.queue.getJob(a!.id!))!.promote();
      await scene.settled();
      return { starts: scene.starts, events: scene.events, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a job that puts itself back (moveToWait, WaitingError) has made no attempt',
    play: async (scene) => {
      await scene.add('a', 'b');
      scene.serve({
        run: async (job) => {
          if (job.name !== 'a' || job.attemptsStarted > 2) return;
          await job.moveToWait(job.token);
          throw new WaitingError();
        },
      });
      await scene.settled();
      return await scene.all();
    },
  },
  {
    name: 'progress, logs and changed data are kept',
    play: async (scene) => {
      const [job] = await scene.add('a');
      scene.serve({
        run: async (active) => {
          await active.updateProgress(10);
          await active.updateProgress({ step: 'two' });
          await active.log('one row');
          await active.updateData({ changed: true });
        },
      });
      await scene.settled();
      return { all: await scene.all(), logs: await scene.queue.getJobLogs(job!.id!) };
    },
  },
  {
    name: 'a job that is removed while it runs is not there at its end, and the next one starts',
    play: async (scene) => {
      await scene.add('a', 'b');
      scene.serve({
        run: async (job) => {
          if (job.name === 'a') await scene.redis.del(scene.queue.toKey(job.id!), scene.queue.toKey(`${job.id}:lock`));
        },
      });
      await scene.until('the next job to end', () => scene.events.includes('completed b'));
      await scene.rest();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a job that cannot end because somebody else holds its lock leaves the other jobs alone',
    play: async (scene) => {
      await scene.add('a', 'b');
      scene.serve({
        run: async (job) => {
          if (job.name === 'a') await scene.redis.set(scene.queue.toKey(`${job.id}:lock`), 'somebody else');
        },
      });
      await scene.until('the next job to end', () => scene.events.includes('completed b'));
      await scene.rest();
      return { starts: scene.starts, states: await states(scene) };
    },
  },
];

async function backsOff(scene: Scene, backoff: { type: string; delay: number }): Promise<unknown> {
  await scene.queue.add('a', {}, { attempts: 3, backoff });
  scene.serve({ run: fails });
  await scene.settled();
  const [first, second, third] = scene.startsMs as [number, number, number];
  const factor = backoff.type === 'exponential' ? 2 : 1;
  const waited = second - first >= backoff.delay - 10 && third - second >= factor * backoff.delay - 10;
  return { waited, starts: scene.starts, events: scene.events, jobs: await scene.jobs() };
}

async function states(scene: Scene): Promise<unknown> {
  const jobs = (await scene.jobs()) as { name: string; state: string; attemptsMade: number }[];
  return jobs.map(({ name, state, attemptsMade }) => ({ name, state, attemptsMade }));
}
