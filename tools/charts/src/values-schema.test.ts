import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chartFiles } from './chart-files.ts';
import { valueSchemas, type JsonSchema } from './values-schema.ts';
import { valueFiles } from './values.ts';

const repository = join(import.meta.dirname, '../../..');
/** Values that the parent chart or Helm sets, which a chart's own values.yaml has no reason to name. */
const FROM_ABOVE = ['enabled', 'global', 'common'];

describe.each([...valueSchemas()])('%s', (path, schema) => {
  it('is what `npm run generate` writes', () => {
    expect(JSON.parse(readFileSync(join(repository, path), 'utf8'))).toEqual(schema);
  });

  it('knows the values of values.yaml, and no others', () => {
    const values = parse(readFileSync(join(repository, path, '../values.yaml'), 'utf8')) as JsonSchema;
    const known = keysOf(schema, '').filter((key) => !FROM_ABOVE.includes(key.split('.')[0] ?? ''));
    const written = writtenKeys(schema, values, '').filter((key) => !FROM_ABOVE.includes(key.split('.')[0] ?? ''));
    // The umbrella chart leaves most values to the charts below.
    const expected =
      path === 'charts/redis-queue/values.schema.json' ? known.filter((key) => written.includes(key)) : known;
    expect(written.toSorted()).toEqual(expected.toSorted());
  });
});

it.each([...chartFiles(repository), ...valueFiles()])('%s is what `npm run generate` writes', (path, text) => {
  expect(readFileSync(join(repository, path), 'utf8')).toBe(text);
});

/** Paths of what a schema names, down to where it is open. */
function keysOf(schema: JsonSchema, path: string): string[] {
  const properties = schema['additionalProperties'] === false ? schema['properties'] : undefined;
  if (!properties) return [path];
  return Object.entries(properties as Record<string, JsonSchema>)
    .filter(([key]) => key !== 'requests' && key !== 'limits')
    .flatMap(([key, child]) => keysOf(child, path ? `${path}.${key}` : key));
}

/** Paths of what values.yaml writes, down to where the schema is open. */
function writtenKeys(schema: JsonSchema | undefined, value: unknown, path: string): string[] {
  const properties = schema?.['additionalProperties'] === false ? schema['properties'] : undefined;
  if (!properties || typeof value !== 'object' || value === null) return [path];
  return Object.entries(value)
    .filter(([key]) => key !== 'requests' && key !== 'limits')
    .flatMap(([key, child]) =>
      writtenKeys((properties as Record<string, JsonSchema>)[key], child, path ? `${path}.${key}` : key),
    );
}
