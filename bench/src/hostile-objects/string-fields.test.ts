import { expect, it } from 'vitest';
import { stringFields, type FieldSchema } from './string-fields.ts';

const schema: FieldSchema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    size: { type: 'integer' },
    mode: { type: 'string', enum: ['A'] },
    queues: { type: 'array', items: { type: 'string' } },
    weights: { type: 'object', additionalProperties: { type: 'integer' } },
    secret: {
      type: 'object',
      required: ['name', 'key'],
      properties: { name: { type: 'string' }, key: { type: 'string' } },
    },
  },
};

it('finds every text, that of a map’s key included, and sets it beside what its object needs', () => {
  const found = stringFields(schema).map(({ path, fill }) => [path, fill('x')]);
  expect(found).toEqual([
    ['spec.name', { name: 'x' }],
    ['spec.queues[]', { queues: ['x'] }],
    ['spec.weights{key}', { weights: { x: 1 } }],
    ['spec.secret.name', { secret: { name: 'x', key: 'a' } }],
    ['spec.secret.key', { secret: { name: 'a', key: 'x' } }],
  ]);
});
