import { expect, it } from 'vitest';
import { queueObject } from '../testing/queues.ts';
import type { Duty, UpkeepNotice } from './duty.ts';
import { UpkeepReports } from './reports.ts';
import { UpkeepTallies } from './tallies.ts';

const duty = (name: Duty['name'], conditions: Duty['conditions'], wants = true) => ({
  name,
  conditions,
  wants: () => wants,
});
const DEAD = duty('deadLetters', ['DeadLettersLost', 'FailedJobsLeft', 'UpkeepFailed']);
const RETENTION = duty('retention', ['RetentionBehind', 'UpkeepFailed']);
const lost = (count: number): UpkeepNotice => ({ reason: 'DeadLettersLost', count, message: `${count} jobs` });
const failed = (reason: 'RedisBusy' | 'RedisNoPermission', message = 'why'): UpkeepNotice => ({ reason, message });
const queue = queueObject();

it('a number is said again when it is another by a tenth, and what is said stays until then', () => {
  const reports = new UpkeepReports();
  const said = (): string | undefined => reports.noticesOf(queue, [DEAD], undefined).DeadLettersLost?.message;
  expect(reports.note(queue, 'deadLetters', { DeadLettersLost: lost(100) })).toBe(true);
  expect(reports.note(queue, 'deadLetters', { DeadLettersLost: lost(109) })).toBe(false);
  expect(said()).toBe('100 jobs');
  expect(reports.note(queue, 'deadLetters', { DeadLettersLost: lost(110) })).toBe(true);
  expect(said()).toBe('110 jobs');
  expect(reports.note(queue, 'deadLetters', { FailedJobsLeft: undefined })).toBe(false);
  expect(said()).toBe('110 jobs');
  expect(reports.note(queue, 'deadLetters', { DeadLettersLost: undefined })).toBe(true);
  expect(said()).toBeUndefined();
});

it('after a restart a condition stays until its duty has had its turn, and is then no news if it says the same', () => {
  const condition = { type: 'DeadLettersLost', status: 'True', reason: 'DeadLettersLost', message: '3 jobs' } as const;
  const before = queueObject({}, {}, { conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }] });
  const reports = new UpkeepReports();
  const said = (): string | undefined => reports.noticesOf(before, [DEAD], undefined).DeadLettersLost?.message;
  expect(said()).toBe('3 jobs');
  expect(reports.note(before, 'deadLetters', { DeadLettersLost: lost(3) })).toBe(false);
  expect(said()).toBe('3 jobs');
  expect(reports.note(before, 'deadLetters', { DeadLettersLost: undefined })).toBe(true);
  expect(said()).toBeUndefined();
});

it('of several duties that fail one is named, until all of them work; what Ready says is not said again', () => {
  const reports = new UpkeepReports();
  const said = (ready?: 'RedisBusy'): string | undefined =>
    reports.noticesOf(queue, [DEAD, RETENTION], ready && { reason: ready, message: '' }).UpkeepFailed?.message;
  reports.note(queue, 'deadLetters', { UpkeepFailed: undefined });
  expect(reports.note(queue, 'retention', { UpkeepFailed: failed('RedisBusy') })).toBe(true);
  expect([said(), said('RedisBusy')]).toEqual(['why', undefined]);
  reports.note(queue, 'retention', { UpkeepFailed: undefined });
  expect(said()).toBeUndefined();
});

it('nothing is said for what the spec does not ask for any more, of a Queue that only observes, or once it is forgotten', () => {
  const reports = new UpkeepReports();
  reports.note(queue, 'deadLetters', { UpkeepFailed: failed('RedisNoPermission') });
  const said = (of = queue, duties = [DEAD]): unknown => reports.noticesOf(of, duties, undefined).UpkeepFailed;
  expect(said()).toBeDefined();
  expect(said(queue, [duty('deadLetters', DEAD.conditions, false)])).toBeUndefined();
  expect(said(queueObject({ adoptionPolicy: 'Observe' }))).toBeUndefined();
  reports.forgetAllBut(new Set());
  expect(said()).toBeUndefined();
});

it('an event names what was done since the last one, at most every five minutes', () => {
  let nowMs = 0;
  const tallies = new UpkeepTallies(() => nowMs);
  expect(tallies.add('u', 'moved', 0)).toBe(0);
  expect(tallies.add('u', 'moved', 2)).toBe(2);
  expect(tallies.add('u', 'moved', 3)).toBe(0);
  expect(tallies.add('u', 'retried', 1)).toBe(1);
  nowMs = 299_999;
  expect(tallies.add('u', 'moved', 4)).toBe(0);
  nowMs = 300_000;
  expect(tallies.add('u', 'moved', 0)).toBe(7);
  expect(tallies.add('u', 'moved', 0)).toBe(0);
});
