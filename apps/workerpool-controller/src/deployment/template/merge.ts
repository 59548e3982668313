import { alternatives, ATOMIC_MAPS, entryKey, hasKey, isObject, listKeys, type JsonObject } from './pod-schema.ts';
import type { PodTemplate } from './pod-schema.ts';

/**
 * A pod template with a partial one over it, as a server-side apply of both would leave it: maps merge, lists whose
 * entries have keys merge entry by entry, everything else is replaced. Pure; neither argument is changed.
 *
 * Beyond server-side apply, of fields that exclude each other (a volume's sources, `value` and `valueFrom`, the
 * handlers of a probe) the partial's one replaces the other: what was meant is plain, and both together would be
 * refused. What is no template at all (a text where a list belongs) is taken as it is: the API server says what is
 * wrong with it.
 */
export function mergePodTemplate(built: PodTemplate, partial: JsonObject): PodTemplate {
  return mergeObjects('', built, partial) as PodTemplate;
}

function mergeValues(field: string, built: unknown, partial: unknown): unknown {
  if (isObject(built) && isObject(partial) && !ATOMIC_MAPS.has(field)) return mergeObjects(field, built, partial);
  if (Array.isArray(built) && Array.isArray(partial) && listKeys(field)) return mergeLists(field, built, partial);
  return partial;
}

function mergeObjects(field: string, built: JsonObject, partial: JsonObject): JsonObject {
  const excludes = alternatives(field);
  const chosen = Object.keys(partial).some(excludes);
  const retained = Object.entries(built).filter(([name]) => has(partial, name) || !(chosen && excludes(name)));
  const added = Object.entries(partial).filter(([name]) => !has(built, name));
  return Object.fromEntries([
    ...retained.map(([name, value]) => [name, has(partial, name) ? mergeValues(name, value, partial[name]) : value]),
    ...added,
  ]) as JsonObject;
}

const has = (object: JsonObject, name: string): boolean => Object.hasOwn(object, name);

/** What was built keeps its place; what is new follows. */
function mergeLists(field: string, built: readonly unknown[], partial: readonly unknown[]): unknown[] {
  const over = (entry: unknown): unknown => {
    const key = entryKey(field, entry);
    return key && partial.find((candidate) => hasKey(field, candidate, key));
  };
  const isNew = (entry: unknown): boolean => {
    const key = entryKey(field, entry);
    return !key || !built.some((candidate) => hasKey(field, candidate, key));
  };
  return [
    ...built.map((entry) => {
      const change = over(entry);
      return change === undefined ? entry : mergeValues(field, entry, change);
    }),
    ...partial.filter(isNew),
  ];
}
