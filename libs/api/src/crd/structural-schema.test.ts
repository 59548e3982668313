import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { toStructuralSchema } from './structural-schema.ts';

const structural = (type: z.ZodType) => toStructuralSchema(type, 'spec');

describe('the structural schema of a zod type', () => {
  test('keeps the bounds that were written and drops those that zod adds to every integer', () => {
    expect(structural(z.int())).toEqual({ type: 'integer' });
    expect(structural(z.int().min(1).max(10))).toEqual({ type: 'integer', minimum: 1, maximum: 10 });
  });

  test('lets the API server fill a default instead of asking for the field', () => {
    expect(structural(z.object({ replicas: z.int().min(0).default(1) }))).toEqual({
      type: 'object',
      properties: { replicas: { type: 'integer', minimum: 0, default: 1 } },
    });
  });

  test('asks for a field that is not optional', () => {
    expect(structural(z.object({ image: z.string() })).required).toEqual(['image']);
  });

  test('writes int-or-string as Kubernetes does, without the union', () => {
    const quantity = z.union([z.int(), z.string()]).meta({ 'x-kubernetes-int-or-string': true });
    expect(structural(quantity)).toEqual({ 'x-kubernetes-int-or-string': true });
  });

  test('writes a map by the type of its values', () => {
    expect(structural(z.record(z.string(), z.string()))).toEqual({
      type: 'object',
      additionalProperties: { type: 'string' },
    });
  });

  test('keeps every field of an object that is open on purpose', () => {
    const open = z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true });
    expect(structural(open)).toEqual({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
  });

  test.each([
    ['a union', z.union([z.string(), z.boolean()]), 'spec.field: "anyOf"'],
    ['a tuple', z.tuple([z.string()]), 'spec.field'],
    ['anything', z.any(), 'spec.field: has no type'],
  ])('refuses %s by the path of the field', (_, type, message) => {
    expect(() => structural(z.object({ field: type }))).toThrow(message);
  });
});
