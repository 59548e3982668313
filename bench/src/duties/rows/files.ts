import type { Scene, ServeOptions } from '../scene/scene.ts';
import type { Row } from './row.ts';

const FILE = new URL('../scene/sandboxed.ts', import.meta.url);

/** Sandboxed processors: a file in processes or threads of its own. */
export const FILES: Row[] = [
  { name: 'a file runs jobs in processes', play: async (scene) => await inFile(scene, {}) },
  {
    name: 'a file runs jobs in threads',

    play: async (scene) => await inFile(scene, { options: { useWorkerThreads: true } }),
  },
  {
    name: 'a process that ends fails its job, and the next one has a new process',

    play: async (scene) => {
      await scene.queue.add('exits', { exit: 3 });
      await scene.queue.add('works', {});
      scene.serve({ file: FILE });
      await scene.settled();
      return { events: scene.events, jobs: await scene.jobs() };
    },
  },
  {
    name: 'a file may limit the queue, delay its job and fail it for good',

    play: async (scene) => {
      await scene.queue.add('delays', { delayMs: 200 });
      await scene.queue.add('never', { unrecoverable: true }, { attempts: 5 });
      await scene.queue.add('limits', { limit: true });
      scene.serve({ file: FILE });
      await scene.settled();
      // a process takes its time to start, so that the delay may be over before the other jobs are
      const events = scene.events.filter((event) => event !== 'drained').toSorted();
      return { events, jobs: await scene.jobs() };
    },
  },
  {
    name: 'cancelJob reaches a job in a file',

    play: async (scene) => {
      const job = await scene.queue.add('waits', { waits: true });
      const { worker } = scene.serve({ file: FILE });
      await scene.until('the job to run', async () => (await scene.queue.getJob(job.id!))?.progress === 'waits');
      worker.cancelJob(job.id!, 'not needed');
      await scene.settled();
      return { events: scene.events, jobs: await scene.jobs() };
    },
  },
];

async function inFile(scene: Scene, options: ServeOptions): Promise<unknown> {
  await scene.queue.add('returns', { returns: { a: [1, 'two'] } });
  await scene.queue.add('fails', { fails: 'broken' }, { attempts: 2 });
  await scene.queue.add('tells', { tells: true });
  scene.serve({ file: FILE, ...options });
  await scene.settled();
  return { events: scene.events, jobs: await scene.jobs() };
}
