import type { WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { isObject, type JsonObject } from './pod-schema.ts';

/**
 * What of a template is held in memory, merged and compared. Partial pod templates have some kB and ten levels; the
 * API server takes 1.5 MB and thousands of levels of a field that has no schema.
 */
export const MAX_TEMPLATE_CHARACTERS = 32 * 1024;
export const MAX_TEMPLATE_DEPTH = 32;

/** Stands in a cached pool in place of a template that is too large, and says so. */
const EXCESS = 'redis-queue.io/excess';

/** The pool as its cache holds it: without what a tenant can make arbitrarily large. */
export function boundedPool(object: Resource): Resource {
  const pool = object as WorkerPool & Resource;
  const excess = pool.spec.template && excessOf(pool.spec.template);
  const spec = excess === undefined ? pool.spec : { ...pool.spec, template: { [EXCESS]: excess } };
  return { ...pool, spec } as Resource;
}

/** What is too much about the template; undefined when nothing is. */
export function excessOf(template: JsonObject): string | undefined {
  const stated = template[EXCESS];
  if (typeof stated === 'string') return stated;
  let characters = 0;
  // A stack of our own: the call stack is what deep nesting would exhaust.
  const left: { value: unknown; depth: number }[] = [{ value: template, depth: 1 }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { value, depth } = next;
    if (depth > MAX_TEMPLATE_DEPTH) return `is nested deeper than ${MAX_TEMPLATE_DEPTH} levels`;
    characters += 1 + (typeof value === 'string' ? value.length : 0);
    if (Array.isArray(value)) for (const entry of value) left.push({ value: entry, depth: depth + 1 });
    else if (isObject(value)) {
      for (const [name, entry] of Object.entries(value)) {
        characters += name.length;
        left.push({ value: entry, depth: depth + 1 });
      }
    }
    if (characters > MAX_TEMPLATE_CHARACTERS) return `has more than ${MAX_TEMPLATE_CHARACTERS} characters`;
  }
  return undefined;
}
