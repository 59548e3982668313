import { expect, it } from 'vitest';
import { BusMonitor } from './health.ts';

const refused = new Error('connect ECONNREFUSED 10.0.0.1:6379');
const wrongPassword = new Error('WRONGPASS invalid username-password pair or user is disabled.');

/** A monitor with one round after the other: what fails in each; undefined: nothing does. */
function after(...rounds: (Error | undefined)[]) {
  const monitor = new BusMonitor();
  const changes = rounds.map((error, round) => {
    if (error) monitor.failed(error, round * 2_500);
    return monitor.checked();
  });
  return { health: monitor.health, changes };
}

it('works with the first check, and is not lost by a failover', () => {
  expect(after()).toMatchObject({ health: 'unknown' });
  expect(after(undefined, refused, undefined)).toEqual({ health: 'works', changes: [true, false, false] });
});

it('is lost by two checks that fail, and found by two that do not; each change is one', () => {
  const lost = after(undefined, refused, refused, refused, new Error('Connection is closed.'));
  expect(lost.changes).toEqual([true, false, true, false, false]);
  expect(lost.health).toEqual({ reason: 'RedisUnreachable', message: 'Redis cannot be reached (ECONNREFUSED)' });
  expect(after(refused, refused, undefined, undefined)).toEqual({
    health: 'works',
    changes: [false, true, false, true],
  });
});

it('a wrong password is what it says, also while commands only find no connection', () => {
  const { health, changes } = after(wrongPassword, refused, refused, wrongPassword, refused);
  expect(health).toMatchObject({ reason: 'RedisAuthFailed' });
  expect(changes.filter(Boolean)).toHaveLength(1);
  // Ten rounds later nobody has heard of a password for long.
  const later = after(wrongPassword, ...Array.from({ length: 10 }, () => refused));
  expect(later.health).toMatchObject({ reason: 'RedisUnreachable' });
});
