import type { WorkerPool } from '@redis-queue/api';
import { GROUP } from '@redis-queue/api';
import { poolLabels } from '../../kubernetes/names.ts';
import type { Problem } from '../../kubernetes/reasons.ts';
import { excessOf } from './bounds.ts';
import { entryKey, isObject, listKeys, WORKER, type JsonObject } from './pod-schema.ts';

/** Something in `spec.template` that cannot be honoured: where, why, and what to do instead. */
interface Objection {
  readonly path: string;
  readonly why: string;
}

/**
 * What of `spec.template` contradicts what the controller itself answers for, or cannot be merged. Pure.
 * Whether the rest is a valid pod template, the API server says when the Deployment is applied.
 *
 * @returns the first objection; undefined when there is none.
 */
export function checkTemplate(pool: WorkerPool): Problem | undefined {
  const { template } = pool.spec;
  if (!template) return undefined;
  const excess = excessOf(template);
  if (excess !== undefined) {
    const message = `spec.template ${excess}; put large content into a ConfigMap and mount that`;
    return { reason: 'TemplateInvalid', message };
  }
  const found = firstOf(unmergeable('spec.template', '', template)) ?? firstOf(reserved(pool, template));
  return found && { reason: 'TemplateInvalid', message: `${found.path} ${found.why}` };
}

/**
 * Nulls, entries without their key and entries that occur twice: merging them would mean one thing here, another there.
 */
function* unmergeable(path: string, field: string, value: unknown): Generator<Objection> {
  if (value === null) {
    yield { path, why: 'is null, and a template only adds and overrides; leave the field out, or give it a value' };
  } else if (Array.isArray(value)) {
    const keys = listKeys(field);
    const seen = new Set<string>();
    for (const [index, entry] of value.entries()) {
      const key = entryKey(field, entry);
      const entryPath = `${path}[${key?.join(' ') ?? index}]`;
      if (keys && isObject(entry) && !key) {
        yield { path: entryPath, why: `lacks ${keys.join(' or ')}, by which entries are merged; add it` };
      }
      if (key && seen.has(key.join(' '))) yield { path: entryPath, why: 'is there twice; remove one' };
      if (key) seen.add(key.join(' '));
      yield* unmergeable(entryPath, field, entry);
    }
  } else if (isObject(value)) {
    for (const [name, inner] of Object.entries(value)) yield* unmergeable(`${path}.${name}`, name, inner);
  }
}

/** The controller's own contract with the pods: each field of it has its one place in the spec, or none. */
function* reserved(pool: WorkerPool, template: JsonObject): Generator<Objection> {
  const metadata = objectAt(template, 'metadata');
  const ours = poolLabels(pool.metadata.name);
  for (const label of Object.keys(objectAt(metadata, 'labels'))) {
    if (Object.hasOwn(ours, label) || isOurs(label)) {
      yield {
        path: `spec.template.metadata.labels[${label}]`,
        why: 'is set by the controller, which finds the pods by it; use another label',
      };
    }
  }
  for (const annotation of Object.keys(objectAt(metadata, 'annotations'))) {
    if (isOurs(annotation)) {
      yield {
        path: `spec.template.metadata.annotations[${annotation}]`,
        why: `lies under ${GROUP}/, which belongs to the controller; use another name`,
      };
    }
  }
  const spec = objectAt(template, 'spec');
  if ('terminationGracePeriodSeconds' in spec) {
    yield {
      path: 'spec.template.spec.terminationGracePeriodSeconds',
      why: 'follows from the drain time, so that no job is cut off; set spec.drainPolicy.maxDrainTime',
    };
  }
  if ('restartPolicy' in spec && spec['restartPolicy'] !== 'Always') {
    yield { path: 'spec.template.spec.restartPolicy', why: 'can only be Always in a Deployment; remove it' };
  }
  const { containers } = spec;
  const worker: unknown = Array.isArray(containers) ? containers.find((entry) => hasName(entry, WORKER)) : undefined;
  if (isObject(worker)) yield* reservedOfWorker(pool, worker);
}

function* reservedOfWorker(pool: WorkerPool, worker: JsonObject): Generator<Objection> {
  const path = `spec.template.spec.containers[${WORKER}]`;
  if ('image' in worker) yield { path: `${path}.image`, why: 'is set by spec.image and spec.version; set these' };
  if ('resources' in worker && pool.spec.resources) {
    yield { path: `${path}.resources`, why: 'is set by spec.resources as well; keep one of the two' };
  }
  const { env } = worker;
  for (const entry of Array.isArray(env) ? (env as unknown[]) : []) {
    const name = isObject(entry) ? entry['name'] : undefined;
    if (typeof name !== 'string') continue;
    if (name.startsWith('RQ_')) {
      yield {
        path: `${path}.env[${name}]`,
        why: 'passes what the spec says to the worker (queues, concurrency, drainPolicy, version); change the spec, or use a name without RQ_',
      };
    }
    if (name.startsWith('REDIS_')) {
      yield {
        path: `${path}.env[${name}]`,
        why: 'comes from the Secret of the Queues (spec.redis of the Queue); change that, or use a name without REDIS_',
      };
    }
  }
}

function isOurs(name: string): boolean {
  return name.startsWith(`${GROUP}/`);
}

function hasName(entry: unknown, name: string): boolean {
  return isObject(entry) && entry['name'] === name;
}

function objectAt(object: JsonObject, field: string): JsonObject {
  const value = object[field];
  return isObject(value) ? value : {};
}

function firstOf<T>(found: Generator<T>): T | undefined {
  const { value, done } = found.next();
  return done ? undefined : value;
}
