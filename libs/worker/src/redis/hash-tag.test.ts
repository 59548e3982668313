import { expect, it } from 'vitest';
import { requireHashTags } from './hash-tag.ts';

it.each([
  { prefix: '{bull}', name: 'emails' },
  { prefix: 'bull', name: '{emails}' },
  { prefix: 'app:{eu}:bull', name: 'emails' },
  { prefix: 'bull', name: 'a{b}{c}' },
])('a queue with a hash tag can be on a Redis Cluster: %j', (queue) => {
  expect(() => requireHashTags([queue])).not.toThrow();
});

it.each([
  { prefix: 'bull', name: 'emails' },
  { prefix: 'bull', name: '{}emails' },
  { prefix: 'bull', name: '{}{emails}' },
  { prefix: 'bu}ll', name: 'ema{ils' },
])('one without is refused, and it is said what to name: %j', (queue) => {
  expect(() => requireHashTags([{ prefix: '{bull}', name: 'other' }, queue])).toThrow(
    `queue ${queue.name} with the prefix ${queue.prefix} has no hash tag`,
  );
});
