import { describe, expect, it } from 'vitest';
import type { WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { aPool } from '../../testing/objects.ts';
import { boundedPool, excessOf, MAX_TEMPLATE_CHARACTERS, MAX_TEMPLATE_DEPTH } from './bounds.ts';
import { checkTemplate } from './check.ts';

/** As the API server delivers it: text, parsed. */
const nested = (levels: number): Record<string, unknown> =>
  JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels)) as Record<string, unknown>;
const cached = (template: Record<string, unknown>): WorkerPool =>
  boundedPool(aPool({ template })) as WorkerPool & Resource;

// Wall 1, what a tenant can make large: a template has no schema, so no bound but that of etcd.
describe('a template', () => {
  it.each([
    ['one long text', { spec: { note: 'x'.repeat(1_000_000) } }, `has more than ${MAX_TEMPLATE_CHARACTERS} characters`],
    ['many short ones', { spec: { args: Array.from({ length: 100_000 }, () => '') } }, 'has more than'],
    ['long names', { ['x'.repeat(MAX_TEMPLATE_CHARACTERS)]: 1 }, 'has more than'],
    ['9,000 levels', nested(9_000), `is nested deeper than ${MAX_TEMPLATE_DEPTH} levels`],
  ])('of %s is left out of the cache, and refused', (_, template, why) => {
    const pool = cached(template);
    expect(JSON.stringify(pool.spec.template).length).toBeLessThan(200);
    expect(checkTemplate(pool)).toEqual({
      reason: 'TemplateInvalid',
      message: expect.stringMatching(new RegExp(`^spec\\.template ${why}.*ConfigMap`)) as string,
    });
    expect(checkTemplate(aPool({ template }))).toEqual(checkTemplate(pool));
  });

  it('within both bounds is cached as it is', () => {
    const template = { spec: { note: 'x'.repeat(MAX_TEMPLATE_CHARACTERS / 2), deep: nested(MAX_TEMPLATE_DEPTH - 3) } };
    expect(excessOf(template)).toBeUndefined();
    expect(cached(template).spec.template).toBe(template);
  });
});
