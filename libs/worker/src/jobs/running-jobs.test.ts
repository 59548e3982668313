import { describe, expect, it } from 'vitest';
import { JobStopped } from './handler.ts';
import { RunningJobs } from './running-jobs.ts';

const why = new JobStopped('the pod drains');

describe('the jobs that a pod runs', () => {
  it('are asked to stop and handed back from the last started to the first', () => {
    const jobs = new RunningJobs();
    const order: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      jobs.start(0, {
        stop: () => void order.push(`stop ${name}`),
        handBack: () => void order.push(`hand back ${name}`),
      });
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
    const calls: unknown[] = [];
    const late = {
      stop: (reason: unknown) => void calls.push('stop', reason),
      handBack: () => void calls.push('back'),
    };
    jobs.start(0, late);
    expect(calls.splice(0)).toEqual(['stop', why]);
    jobs.handBack(why);
    expect(calls.splice(0)).toEqual(['back']);
    jobs.start(0, late);
    expect(calls).toEqual(['stop', why, 'back']);
  });

  it('that have ended are neither asked to stop nor counted as the oldest', () => {
    const jobs = new RunningJobs();
    const stopped: string[] = [];
    const calls = (name: string) => ({ stop: () => void stopped.push(name), handBack: () => undefined });
    const endFirst = jobs.start(10, calls('first'));
    jobs.start(20, calls('second'));
    expect(jobs.oldestMs).toBe(10);
    endFirst();
    jobs.stop(why);
    expect([stopped, jobs.oldestMs]).toEqual([['second'], 20]);
  });
});
