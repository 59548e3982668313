import type { WorkerOptions } from '@redis-queue/worker';
import type { JobsOptions } from 'bullmq';
import type { Scene } from '../scene/scene.ts';
import type { Row } from './row.ts';

/** What is kept of finished jobs, and counted. */
export const KEEPING: Row[] = [
  {
    name: 'removeOnComplete and removeOnFail of jobs',
    play: async (scene) => await keeps(scene, { removeOnComplete: true, removeOnFail: true }),
  },
  {
    name: 'removeOnComplete and removeOnFail of jobs, by count',
    play: async (scene) => await keeps(scene, { removeOnComplete: 2, removeOnFail: { count: 1 } }),
  },
  {
    name: 'removeOnComplete and removeOnFail of the worker',
    play: async (scene) => await keeps(scene, {}, { removeOnComplete: { count: 2 }, removeOnFail: { count: 1 } }),
  },
  {
    name: 'removeOnComplete and removeOnFail of the worker, by age',
    play: async (scene) => await keeps(scene, {}, { removeOnComplete: { age: 0 }, removeOnFail: { age: 3_600 } }),
  },
  {
    name: "a job's own removeOnComplete goes before the worker's",
    play: async (scene) => await keeps(scene, { removeOnComplete: false }, { removeOnComplete: { count: 1 } }),
  },
  {
    name: 'metrics of the worker count what completed and failed per minute',
    play: async (scene) => {
      await keeps(scene, {}, { metrics: { maxDataPoints: 10 } });
      const [completed, failed] = [await scene.queue.getMetrics('completed'), await scene.queue.getMetrics('failed')];
      return { completed: completed.meta.count, failed: failed.meta.count, keys: await scene.keys() };
    },
  },
  {
    name: 'keepLogs and stackTraceLimit of jobs',
    play: async (scene) => {
      const [job] = [await scene.queue.add('a', {}, { attempts: 4, keepLogs: 2, stackTraceLimit: 1 })];
      scene.serve({
        run: async (active) => {
          await active.log(`attempt ${active.attemptsMade}`);
          throw new Error('no');
        },
      });
      await scene.settled();
      return { jobs: await scene.jobs(), logs: (await scene.queue.getJobLogs(job.id!)).logs };
    },
  },
];

async function keeps(scene: Scene, opts: JobsOptions, options?: WorkerOptions): Promise<unknown> {
  const names = ['works 1', 'fails 1', 'works 2', 'fails 2', 'works 3', 'fails 3'];
  await scene.queue.addBulk(names.map((name) => ({ name, data: {}, opts })));
  scene.serve({
    ...(options && { options }),
    run: async ({ name }) => {
      if (name.startsWith('fails')) throw new Error(name);
    },
  });
  await scene.settled();
  return await scene.all();
}
