import { describe, expect, test } from 'vitest';
import { objectSchema } from './definition.ts';
import { kinds } from './kinds.ts';
import type { StructuralSchema } from './structural-schema.ts';

describe.each(kinds.map((kind) => [kind.kind, kind] as const))('%s', (_, kind) => {
  const schema = objectSchema(kind);

  test('bounds every list, map and text of its spec, so that no object grows without limit', () => {
    expect(unboundedFields(schema.properties!['spec']!, 'spec')).toEqual([]);
  });

  test.each(['spec', 'status'])('describes every field of its %s', (part) => {
    expect(undescribedFields(schema.properties![part]!, part)).toEqual([]);
  });

  test('documents the reason that a new object has', () => {
    expect(kind.reasons['Pending']?.kind).toBe('pending');
  });
});

function unboundedFields(schema: StructuralSchema, path: string): string[] {
  const open =
    (schema.type === 'array' && schema.maxItems === undefined) ||
    (schema.additionalProperties && schema.maxProperties === undefined) ||
    (schema['x-kubernetes-int-or-string'] && schema.maxLength === undefined && !schema['x-kubernetes-validations']) ||
    (schema.type === 'string' && schema.maxLength === undefined && !schema.enum && !schema.format);
  return [...(open ? [path] : []), ...children(schema, path).flatMap(([name, child]) => unboundedFields(child, name))];
}

function undescribedFields(schema: StructuralSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => [
    ...(child.description ? [] : [`${path}.${name}`]),
    ...undescribedFields(child, `${path}.${name}`),
  ]);
}

function children(schema: StructuralSchema, path: string): [string, StructuralSchema][] {
  return [
    ...Object.entries(schema.properties ?? {}).map(([name, child]): [string, StructuralSchema] => [
      `${path}.${name}`,
      child,
    ]),
    ...(schema.items ? [[`${path}[]`, schema.items] satisfies [string, StructuralSchema]] : []),
    ...(schema.additionalProperties
      ? [[`${path}{}`, schema.additionalProperties] satisfies [string, StructuralSchema]]
      : []),
  ];
}
