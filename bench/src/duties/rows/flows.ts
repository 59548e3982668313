import { WaitingChildrenError, type FlowJob } from 'bullmq';
import type { Scene } from '../scene/scene.ts';
import type { Row } from './row.ts';

/** Parents and children. */
export const FLOWS: Row[] = [
  {
    name: 'a parent starts after its children and has their results',
    play: async (scene) => {
      const values: unknown[] = [];
      await scene.flows().add({ name: 'parent', queueName: 'q', children: [child('one'), child('two')] });
      scene.serve({
        run: async (job) => {
          if (job.name === 'parent') values.push(...Object.values(await job.getChildrenValues()));
          return `result of ${job.name}`;
        },
      });
      await scene.settled();
      return { values: values.map(String).toSorted(), starts: scene.starts, states: await endStates(scene) };
    },
  },
  {
    name: 'a parent that adds children while it runs waits for them (WaitingChildrenError)',
    play: async (scene) => {
      scene.serve({
        run: async (job) => {
          if (job.name !== 'parent') return 'child done';
          if (job.attemptsStarted > 1) return Object.values(await job.getChildrenValues());
          const parent = { id: job.id!, queue: job.queueQualifiedName };
          await scene.queue.add('child', {}, { parent });
          if (await job.moveToWaitingChildren(job.token!)) throw new WaitingChildrenError();
          return 'no children';
        },
      });
      await scene.add('parent');
      await scene.settled();
      return { starts: scene.starts, jobs: await scene.jobs() };
    },
  },
  {
    name: 'failParentOnFailure fails the parent, which never starts',
    play: async (scene) => await afterFailedChild(scene, { failParentOnFailure: true }),
  },
  {
    name: 'continueParentOnFailure starts the parent at once',
    play: async (scene) => await afterFailedChild(scene, { continueParentOnFailure: true }),
  },
  {
    name: 'ignoreDependencyOnFailure starts the parent without the failed child',
    play: async (scene) => await afterFailedChild(scene, { ignoreDependencyOnFailure: true }),
  },
  {
    name: 'removeDependencyOnFailure starts the parent as if the failed child had never been',
    play: async (scene) => await afterFailedChild(scene, { removeDependencyOnFailure: true }),
  },
];

const child = (name: string, opts: FlowJob['opts'] = {}): FlowJob => ({ name, queueName: 'q', opts });

async function afterFailedChild(scene: Scene, opts: FlowJob['opts']): Promise<unknown> {
  await scene.flows().add({ name: 'parent', queueName: 'q', children: [child('fails', opts), child('works')] });
  scene.serve({
    run: async (job) => {
      if (job.name === 'fails') throw new Error('a failed child');
      return job.name === 'parent' ? Object.values(await job.getIgnoredChildrenFailures()) : 'worked';
    },
  });
  await scene.settled();
  return { starts: scene.starts.toSorted(), states: await endStates(scene) };
}

/** Ids are random in flows. */
async function endStates(scene: Scene): Promise<unknown> {
  const jobs = (await scene.jobs()) as Record<string, unknown>[];
  const states = jobs.map(({ name, state, attemptsMade, returnvalue, failedReason }) => ({
    name,
    state,
    attemptsMade,
    returnvalue,
    failed: typeof failedReason === 'string' ? failedReason.replace(/[0-9a-f-]{36}|(plain|ours)-\d+/g, '…') : undefined,
  }));
  return states.toSorted((a, b) => String(a.name).localeCompare(String(b.name)));
}
