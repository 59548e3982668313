import { describe, expect, it } from 'vitest';
import { JobStopped } from './handler.ts';
import { RunningJobs } from './running-jobs.ts';

const why = new JobStopped('the pod drains');

describe('the jobs that a pod runs', () => {
  it('are asked to stop and handed back from the last started to the first', () => {
    const jobs = new RunningJobs();
    const order: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      const { stop, handBack } = jobs.start(0);
      stop.addEventListener('abort', () => order.push(`stop ${name}`));
      handBack.addEventListener('abort', () => order.push(`hand back ${name}`));
    }
    jobs.stop(why);
    jobs.handBack(why);
    expect(order).toEqual([
      'stop third',
      'stop second',
      'stop first',
      'hand back third',
      'hand back second',
      'hand back first',
    ]);
  });

  it('that start once the pod drains are reached too', () => {
    const jobs = new RunningJobs();
    jobs.stop(why);
    const late = jobs.start(0);
    expect([late.stop.reason, late.handBack.aborted]).toEqual([why, false]);
    jobs.handBack(why);
    expect(jobs.start(0).handBack.reason).toBe(why);
  });

  it('that have ended are neither asked to stop nor counted as the oldest', () => {
    const jobs = new RunningJobs();
    const first = jobs.start(10);
    jobs.start(20);
    expect(jobs.oldestMs).toBe(10);
    first.end();
    jobs.stop(why);
    expect([first.stop.aborted, jobs.oldestMs]).toEqual([false, 20]);
  });
});
