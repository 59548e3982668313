import { isObject, type JsonObject } from './pod-schema.ts';

/** What a pod template reads its configuration from: names of objects of the pool's namespace, sorted. */
export interface TemplateReferences {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
}

/**
 * The ConfigMaps and Secrets that reach a container: by `env`, `envFrom` and volumes, projected ones included. Pure.
 * What only pulls an image or mounts storage (`imagePullSecrets`, a driver's `secretRef`) is nothing a process was
 * started with, so a change of it is no reason to replace pods.
 */
export function templateReferences(template: JsonObject | undefined): TemplateReferences {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const spec = objectAt(template, 'spec');
  for (const container of [...entriesOf(spec, 'containers'), ...entriesOf(spec, 'initContainers')]) {
    for (const entry of entriesOf(container, 'env')) {
      const from = objectAt(entry, 'valueFrom');
      add(configMaps, objectAt(from, 'configMapKeyRef')['name']);
      add(secrets, objectAt(from, 'secretKeyRef')['name']);
    }
    for (const entry of entriesOf(container, 'envFrom')) {
      add(configMaps, objectAt(entry, 'configMapRef')['name']);
      add(secrets, objectAt(entry, 'secretRef')['name']);
    }
  }
  for (const volume of entriesOf(spec, 'volumes')) {
    add(configMaps, objectAt(volume, 'configMap')['name']);
    add(secrets, objectAt(volume, 'secret')['secretName']);
    for (const source of entriesOf(objectAt(volume, 'projected'), 'sources')) {
      add(configMaps, objectAt(source, 'configMap')['name']);
      add(secrets, objectAt(source, 'secret')['name']);
    }
  }
  return { configMaps: [...configMaps].toSorted(), secrets: [...secrets].toSorted() };
}

function add(names: Set<string>, name: unknown): void {
  if (typeof name === 'string' && name !== '') names.add(name);
}

function objectAt(object: JsonObject | undefined, field: string): JsonObject {
  const value = object?.[field];
  return isObject(value) ? value : {};
}

function entriesOf(object: JsonObject, field: string): JsonObject[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter(isObject) : [];
}
