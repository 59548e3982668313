import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NOT_ENFORCED_NOTE, QUEUE_FIELDS_NOT_ENFORCED, queueSpecSchema, workerPoolSpecSchema } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';

const workspaceRoot = resolve(import.meta.dirname, '../../..');

/** Which file acts on a field of the spec, or on all fields below it. */
type Readers = Readonly<Record<string, string>>;

const QUEUE_READERS: Readers = {
  name: 'libs/api/src/kinds/queue.ts',
  'rateLimits.maxJobsPerSecond': 'libs/bullmq/src/rate-limit.ts',
  'rateLimits.burstCapacity': 'libs/bullmq/src/rate-limit.ts',
  'redis.secretRef': 'libs/api/src/kinds/queue.ts',
  'redis.secretRefs.controller': 'apps/queue-controller/src/observe.ts',
  'redis.secretRefs.sampler': 'apps/queue-controller/src/sampler.ts',
  'redis.secretRefs.worker': 'apps/workerpool-controller/src/queues/resolve.ts',
  'redis.tls.enabled': 'libs/bullmq/src/redis-secret.ts',
  'redis.tls.serverName': 'libs/bullmq/src/redis-secret.ts',
  'redis.prefix': 'libs/api/src/kinds/queue.ts',
  'redis.queueName': 'libs/api/src/kinds/queue.ts',
  globalConcurrency: 'apps/queue-controller/src/plan.ts',
  paused: 'apps/queue-controller/src/plan.ts',
  deletionPolicy: 'apps/queue-controller/src/deletion.ts',
  adoptionPolicy: 'apps/queue-controller/src/plan.ts',
};

const POOL_READERS: Readers = {
  image: 'apps/workerpool-controller/src/deployment/template/pod-template.ts',
  version: 'apps/workerpool-controller/src/deployment/rollout.ts',
  queues: 'apps/workerpool-controller/src/queues/resolve.ts',
  concurrency: 'apps/workerpool-controller/src/deployment/template/pod-template.ts',
  replicas: 'apps/workerpool-controller/src/size/size.ts',
  resources: 'apps/workerpool-controller/src/deployment/template/pod-template.ts',
  'autoscaling.enabled': 'apps/workerpool-controller/src/size/size.ts',
  'autoscaling.minReplicas': 'libs/scaling/src/pool-spec.ts',
  'autoscaling.maxReplicas': 'libs/scaling/src/pool-spec.ts',
  'autoscaling.targetMetrics.queueDepth': 'libs/scaling/src/pool-spec.ts',
  'autoscaling.targetMetrics.latencyP95': 'libs/scaling/src/pool-spec.ts',
  'autoscaling.behavior.scaleUp': 'libs/scaling/src/pool-spec.ts',
  'autoscaling.behavior.scaleDown': 'libs/scaling/src/pool-spec.ts',
  'drainPolicy.gracePeriod': 'apps/workerpool-controller/src/deployment/template/pod-template.ts',
  'drainPolicy.maxDrainTime': 'apps/workerpool-controller/src/deployment/template/pod-template.ts',
  'rollout.autoRollback': 'apps/workerpool-controller/src/deployment/rollout.ts',
  'rollout.progressDeadline': 'apps/workerpool-controller/src/deployment/deployment.ts',
  'rollout.maxSurge': 'apps/workerpool-controller/src/deployment/deployment.ts',
  'disruptionBudget.maxUnavailable': 'apps/workerpool-controller/src/deployment/disruption-budget.ts',
  template: 'apps/workerpool-controller/src/deployment/deployment.ts',
};

interface Field {
  /** Below `spec`, without the indices of lists. */
  readonly path: string;
  readonly description: string;
}

interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

function jsonSchemaOf(schema: typeof queueSpecSchema | typeof workerPoolSpecSchema): JsonSchema {
  return schema.toJSONSchema({ io: 'input', unrepresentable: 'any' }) as JsonSchema;
}

/** Every field of a schema, those that have fields of their own included. */
function fieldsOf(schema: JsonSchema): Field[] {
  const walk = (node: JsonSchema, path: string): Field[] => {
    const below = Object.entries(node.properties ?? node.items?.properties ?? {});
    const own = path === '' ? [] : [{ path, description: node.description ?? '' }];
    return [...own, ...below.flatMap(([name, field]) => walk(field, path === '' ? name : `${path}.${name}`))];
  };
  return walk(schema, '');
}

function isBelow(path: string, ancestors: Iterable<string>): boolean {
  return [...ancestors].some((ancestor) => path === ancestor || path.startsWith(`${ancestor}.`));
}

/** Fields that nobody acts on and no condition names. */
function ignoredFields(schema: JsonSchema, readers: Readers, notEnforced: readonly string[]): string[] {
  const fields = fieldsOf(schema);
  const leaves = fields.filter(({ path }) => !fields.some((other) => other.path.startsWith(`${path}.`)));
  const known = [...Object.keys(readers), ...notEnforced];
  return leaves.map(({ path }) => path).filter((path) => !isBelow(path, known));
}

// Wall 8: a field that is accepted is enforced or refused, or a condition says that it is neither.
describe.each([
  ['Queue', jsonSchemaOf(queueSpecSchema), QUEUE_READERS, QUEUE_FIELDS_NOT_ENFORCED],
  ['WorkerPool', jsonSchemaOf(workerPoolSpecSchema), POOL_READERS, []],
] as const)('the fields of a %s', (_, schema, readers, notEnforced) => {
  it('are all acted on, or named by FieldsNotEnforced', () => {
    expect(ignoredFields(schema, readers, notEnforced)).toEqual([]);
  });

  it.each(Object.entries(readers))('%s is acted on in %s', (path, file) => {
    const text = readFileSync(join(workspaceRoot, file), 'utf8');
    expect(text).toMatch(new RegExp(String.raw`\b${path.split('.').at(-1)!}\b`));
    expect(fieldsOf(schema).map((field) => field.path)).toContain(path);
  });

  it('say so themselves when nobody acts on them', () => {
    const said = fieldsOf(schema).filter(({ description }) => description.includes(NOT_ENFORCED_NOTE));
    expect(said.map(({ path }) => path).toSorted((a, b) => a.localeCompare(b))).toEqual(
      [...notEnforced].toSorted((a, b) => a.localeCompare(b)),
    );
  });
});

it('a field without a reader is found, below others too', () => {
  const list = { items: { properties: { d: {} } } };
  const schema = { properties: { a: { properties: { b: {}, c: list } }, e: {} } };
  expect(ignoredFields(schema, { 'a.b': 'x' }, ['e'])).toEqual(['a.c.d']);
});
