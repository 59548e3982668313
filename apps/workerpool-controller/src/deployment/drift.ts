import { quantityValue } from '@redis-queue/api';
import { entryKey, hasKey, isObject, listKeys, type JsonObject } from './template/pod-schema.ts';

/**
 * Whether `live` holds everything that `desired` says; what the API server or others added does not count.
 *
 * Lists whose entries have keys are matched by these; other lists belong to one owner and have to be the same, entry by
 * entry. Quantities are compared by value, because the API server writes "1000m" as "1". A field that says nothing
 * (`false`, `0`, `""`, an empty list) may be missing: the API server leaves most of them out, and to mistake that for
 * drift would cause a write at every reconcile. Where nothing and absent mean different things, it may not.
 *
 * @param field the name under which `desired` stands, which says what kind of list or map it is.
 */
export function holds(desired: unknown, live: unknown, field = ''): boolean {
  if (live === undefined) return saysNothing(desired) && !ABSENCE_MATTERS.has(field);
  if (QUANTITIES.has(field)) return quantityValue(desired) === quantityValue(live);
  if (Array.isArray(desired)) return Array.isArray(live) && holdsList(desired, live, field);
  if (isObject(desired)) return isObject(live) && holdsObject(desired, live, field);
  return desired === live;
}

/** The maps of quantities in a container's resources. */
const QUANTITY_MAPS: ReadonlySet<string> = new Set(['requests', 'limits']);
const QUANTITIES: ReadonlySet<string> = new Set(['sizeLimit', 'divisor']);

/** Fields that mean something when they are empty, false or 0, and something else when they are absent. */
const ABSENCE_MATTERS: ReadonlySet<string> = new Set([
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'emptyDir',
  'enableServiceLinks',
  'fsGroup',
  'hostUsers',
  'labelSelector',
  'maxUnavailable',
  'namespaceSelector',
  'runAsGroup',
  'runAsUser',
  'tolerationSeconds',
]);

function holdsList(desired: readonly unknown[], live: readonly unknown[], field: string): boolean {
  if (listKeys(field) === undefined) {
    return desired.length === live.length && desired.every((entry, index) => holds(entry, live[index]));
  }
  return desired.every((entry) => {
    const key = entryKey(field, entry);
    return key !== undefined && live.some((candidate) => hasKey(field, candidate, key) && holds(entry, candidate));
  });
}

function holdsObject(desired: JsonObject, live: JsonObject, field: string): boolean {
  if (QUANTITY_MAPS.has(field)) {
    return Object.entries(desired).every(
      ([resource, quantity]) => quantityValue(quantity) === quantityValue(own(live, resource)),
    );
  }
  // The one map of labels that has a single owner, as lists without keys do.
  if (field === 'nodeSelector' && Object.keys(live).length !== Object.keys(desired).length) return false;
  return Object.entries(desired).every(([name, value]) => holds(value, own(live, name), name));
}

/** Not what an object has from its prototype, such as `constructor`. */
function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function saysNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.entries(value).every(([field, inner]) => holds(inner, undefined, field));
  return value === '' || value === 0 || value === false || value === undefined;
}
