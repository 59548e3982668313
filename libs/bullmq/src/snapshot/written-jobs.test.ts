import { expect, it } from 'vitest';
import { WrittenJobs } from './written-jobs.ts';

/** After a backup that was finished, with nothing written since. */
function afterBackup(): WrittenJobs {
  const jobs = new WrittenJobs();
  jobs.begin();
  jobs.finish();
  return jobs;
}

it('takes every job for written before a first backup is finished', () => {
  const jobs = new WrittenJobs();
  expect(jobs.has('1')).toBe(true);
  jobs.begin();
  expect(jobs.has('1')).toBe(true);
});

it('tells the jobs that were written since the last backup, and while it was taken', () => {
  const jobs = afterBackup();
  jobs.note('after');
  jobs.begin();
  jobs.note('meanwhile');
  expect(['after', 'meanwhile', 'other'].map((id) => jobs.has(id))).toEqual([true, true, false]);
  jobs.finish();
  expect(['after', 'meanwhile', 'other'].map((id) => jobs.has(id))).toEqual([false, true, false]);
});

it('has what was written before a backup that failed', () => {
  const jobs = afterBackup();
  jobs.note('1');
  jobs.begin();
  jobs.begin();
  expect([jobs.has('1'), jobs.has('2')]).toEqual([true, false]);
});

it('takes every job for written after many backups that failed', () => {
  const jobs = afterBackup();
  for (let failed = 0; failed < 20; failed++) jobs.begin();
  expect(jobs.has('1')).toBe(true);
});

it('takes every job for written once it is not told any more', () => {
  const jobs = afterBackup();
  jobs.noteAll();
  jobs.begin();
  jobs.finish();
  expect(jobs.has('1')).toBe(true);
});
