import { expect, it } from 'vitest';
import { deadLetterQueue, letterId } from './dead-letter-queue.ts';
import { groupByHashTag } from '../redis/keys.ts';

it('the dead-letter queue lies in the slot of its queue wherever BullMQ works at all', () => {
  const tagged = [
    { prefix: '{bull}', name: 'emails' },
    { prefix: 'bull', name: '{emails}' },
    { prefix: 'bull', name: 'a-{b}' },
    { prefix: '{bull', name: 'x}y' },
  ];
  for (const queue of tagged) expect(groupByHashTag([queue, deadLetterQueue(queue)])).toHaveLength(1);
});

it('ids differ for each job and each of its deaths, and hold no colon', () => {
  const queue = { prefix: 'bull', name: 'emails' };
  expect(letterId(queue, '12', 1_700)).toBe('emails.12.1700');
  expect(letterId(queue, 'repeat:daily:1', 1_700)).toBe('emails.repeat%3Adaily%3A1.1700');
  expect(letterId(queue, 'repeat%3Adaily', 1)).not.toBe(letterId(queue, 'repeat:daily', 1));
});
