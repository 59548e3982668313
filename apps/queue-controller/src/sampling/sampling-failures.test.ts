import { expect, it } from 'vitest';
import type { Problem } from '../reasons.ts';
import { SamplingFailures } from './sampling-failures.ts';
import { NOW, queueObject } from '../testing/queues.ts';

const queue = queueObject();
const refused: Problem = { reason: 'RedisAuthFailed', message: 'refused' };
const invalid = (message: string): Problem => ({ reason: 'SecretInvalid', message });
const gone = (message: string): Problem => ({ reason: 'RedisUnreachable', message });

it('news is what begins to fail, fails otherwise or by another way, and works again', () => {
  const failures = new SamplingFailures();
  expect(failures.of(queue)).toBe('unknown');
  expect(failures.note(queue, 'a')).toBe(false);
  expect(failures.of(queue)).toBe('works');
  expect(failures.note(queue, 'a', refused)).toBe(true);
  expect(failures.note(queue, 'a', gone('no answer in 5 s'))).toBe(true);
  expect(failures.note(queue, 'b', gone('no answer in 5 s'))).toBe(true);
  expect(failures.note(queue, 'b')).toBe(true);
  expect(failures.note(queue, 'c')).toBe(false);
});

it('a failure that lasts keeps its first message, so that the status is not written again and again', () => {
  const failures = new SamplingFailures();
  failures.note(queue, 'a', gone('no answer in 5 s'));
  expect(failures.note(queue, 'a', gone('it is tried again in 8 s'))).toBe(false);
  expect(failures.of(queue)).toEqual(gone('no answer in 5 s'));
});

it('without a way to Redis, another message is news: something else is wrong with the Secret', () => {
  const failures = new SamplingFailures();
  failures.note(queue, '', invalid('no redis-url'));
  expect(failures.note(queue, '', invalid('no redis-url'))).toBe(false);
  expect(failures.note(queue, '', invalid('redis-port is no number'))).toBe(true);
  expect(failures.of(queue)).toEqual(invalid('redis-port is no number'));
});

it('after a restart, what the status says is no news', () => {
  const lastTransitionTime = NOW.toISOString();
  const condition = { ...refused, type: 'SamplingFailed', status: 'True', lastTransitionTime } as const;
  const before = queueObject({}, {}, { conditions: [condition] });
  expect(new SamplingFailures().note(before, 'a', refused)).toBe(false);
  expect(new SamplingFailures().note(before, 'a')).toBe(true);
});

it('of queues that are gone nothing is remembered, however late it came', () => {
  const failures = new SamplingFailures();
  const other = queueObject({}, { uid: 'u2' });
  for (const each of [queue, other]) failures.note(each, 'a', refused);
  failures.forgetAllBut([other]);
  expect(failures.of(queue)).toBe('unknown');
  expect(failures.of(other)).toEqual(refused);
});

it('a way is known once it was tried, until the queue is deleted', () => {
  const failures = new SamplingFailures();
  expect(failures.knows(queue, 'a')).toBe(false);
  failures.note(queue, 'a', refused);
  expect(failures.knows(queue, 'a')).toBe(true);
  expect(failures.knows(queue, 'b')).toBe(false);
  failures.forget('u1');
  expect(failures.of(queue)).toBe('unknown');
});

it('counts that cannot be written are told until they are, and give way to counts that cannot be read', () => {
  const failures = new SamplingFailures();
  failures.note(queue, 'a');
  const forbidden: Problem = { reason: 'ApiForbidden', message: 'no right' };
  expect(failures.noteWrite(queue)).toBe(false);
  expect(failures.noteWrite(queue, forbidden)).toBe(true);
  expect(failures.noteWrite(queue, { ...forbidden, message: 'still no right' })).toBe(false);
  expect(failures.of(queue)).toEqual({ unwritten: forbidden });
  failures.note(queue, 'a', refused);
  expect(failures.of(queue)).toEqual(refused);
  failures.note(queue, 'a');
  expect(failures.noteWrite(queue)).toBe(true);
  expect(failures.of(queue)).toBe('works');
});
