import { expect, it } from 'vitest';
import { z } from 'zod';
import { immutableBut } from './immutable.ts';

it('every field of a spec is immutable but those that are named, also one that comes later', () => {
  const spec = z.object({ source: z.string(), resume: z.boolean(), later: z.string().optional() });
  const rules = immutableBut('Thing', spec, ['resume']);
  expect(rules.map(({ message }) => message)).toEqual([
    'spec.source is immutable; create another Thing, and delete this one',
    'spec.later is immutable; create another Thing, and delete this one',
  ]);
});
