import { z } from 'zod';
import type { ValidationRule } from '../kinds/cel.ts';

/** The part of OpenAPI v3 that the API server accepts as a structural schema, as far as our kinds use it. */
export interface StructuralSchema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  format?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  required?: string[];
  items?: StructuralSchema;
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  'x-kubernetes-int-or-string'?: true;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-validations'?: ValidationRule[];
}

/** Keywords in the order in which they are written: what a reader looks for first comes first. */
const KEYWORDS: readonly (keyof StructuralSchema)[] = [
  'description',
  'type',
  'format',
  'default',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'properties',
  'additionalProperties',
  'items',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
];

/**
 * The structural schema of a zod type.
 *
 * zod's OpenAPI output is not structural everywhere: it bounds every integer by ±2^53, spells int-or-string as a union
 * and puts `additionalProperties` beside `properties`. These are rewritten; what has no structural form is refused,
 * because the API server would refuse it later with a less helpful message.
 *
 * @param path where the type stands in the object, for errors.
 * @throws TypeError naming the path and the keyword that has no structural form.
 */
export function toStructuralSchema(type: z.ZodType, path: string): StructuralSchema {
  return rewrite(z.toJSONSchema(type, { target: 'openapi-3.0', io: 'input' }) as Record<string, unknown>, path);
}

function rewrite(source: Record<string, unknown>, path: string): StructuralSchema {
  const schema = { ...source } as Record<string, unknown>;
  delete schema['$schema'];
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
  if (schema['x-kubernetes-int-or-string']) delete schema['anyOf'];
  if (schema['x-kubernetes-preserve-unknown-fields'] || schema['properties']) delete schema['additionalProperties'];
  // The API server would drop every field of an empty object.
  if (isEmptyRecord(schema['properties'])) delete schema['properties'];
  // A record's keys are always strings; bounds on them have no structural form and ours carry none.
  delete schema['propertyNames'];

  for (const keyword of Object.keys(schema)) {
    if (!KEYWORDS.includes(keyword as keyof StructuralSchema)) {
      throw new TypeError(`${path}: "${keyword}" has no form in a structural schema; write the type another way`);
    }
  }
  if (!schema['type'] && !schema['x-kubernetes-int-or-string']) {
    throw new TypeError(`${path}: has no type, which a structural schema needs`);
  }

  const { properties, items, additionalProperties } = schema as Record<string, Record<string, unknown> | undefined>;
  if (properties) {
    schema['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, child]) => [
        name,
        rewrite(child as Record<string, unknown>, `${path}.${name}`),
      ]),
    );
  }
  if (items) schema['items'] = rewrite(items, `${path}[]`);
  if (additionalProperties) schema['additionalProperties'] = rewrite(additionalProperties, `${path}.*`);
  return Object.fromEntries(
    KEYWORDS.filter((keyword) => schema[keyword] !== undefined).map((keyword) => [keyword, schema[keyword]]),
  );
}

function isEmptyRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
