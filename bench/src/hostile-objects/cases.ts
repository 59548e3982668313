import { QUEUES, WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import { SECRETS, typeMeta, type Resource, type ResourceType } from '@redis-queue/controller';
import { stringFields, type FieldSchema, type StringField } from './string-fields.ts';

/** An object that a tenant may try to create, by its type; namespaces come later. */
export interface HostileObject {
  readonly type: ResourceType;
  readonly object: Omit<Resource, 'metadata'> & {
    readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  };
}

/** What one tenant tries, in a namespace of its own. */
export interface HostileCase {
  readonly name: string;
  readonly objects: readonly HostileObject[];
}

/** A Secret that leads to `redisUrl`, unless a case has one of its own. */
export interface CaseInput {
  readonly redisUrl: string;
  readonly queueSpec: FieldSchema;
  readonly poolSpec: FieldSchema;
}

/** A queue that has to be in Redis, with texts of that length in the fields of its meta. */
export const LONG_META_QUEUE = 'long-meta';
export const LONG_META = 200_000;

const QUEUE = 'jobs';
const MEGABYTE = 1_000_000;
const LARGE_POOLS = 30;
const DEEP = 9_000;
const EXPANSION = '$(REDIS_PASSWORD)';
/** Names that an object of JavaScript has before anybody gives it one. */
const PROTOTYPE_NAMES = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'];

/** All cases. Pure. */
export function hostileCases({ redisUrl, queueSpec, poolSpec }: CaseInput): HostileCase[] {
  const withRedis = (name: string, ...objects: HostileObject[]): HostileCase => ({
    name,
    objects: [secret({ 'redis-url': redisUrl }), ...objects],
  });
  const ofName = PROTOTYPE_NAMES.flatMap((name) => [
    withRedis(`queue in Redis named ${name}`, queue({ redis: { queueName: name } }), pool({})),
    withRedis(`template key ${name} with a list of objects`, queue({}), pool({ spec: named(name, [{ name: 'a' }]) })),
    withRedis(`template label ${name}`, queue({}), pool({ metadata: { labels: named(name, 'a') } })),
  ]);
  const texts = [
    ...fieldsOf(queueSpec).map(({ path, fill }) =>
      withRedis(`Queue ${path} = ${EXPANSION}`, queue(fill(EXPANSION) as object), pool({})),
    ),
    ...fieldsOf(poolSpec).map(({ path, fill }) =>
      withRedis(`WorkerPool ${path} = ${EXPANSION}`, queue({}), poolOf(fill(EXPANSION) as object)),
    ),
  ];
  const cases = [
    withRedis(
      `a queue whose meta has ${LONG_META} letters in each field`,
      queue({ redis: { queueName: LONG_META_QUEUE } }),
      pool({}),
    ),
    withRedis('200 kB of annotations', annotated(queue({})), annotated(pool({}))),
    withRedis('a template key of 100 kB', queue({}), pool({ [long(100_000)]: [{ name: 'a' }] })),
    withRedis('a template text of 200 kB', queue({}), pool({ spec: { serviceAccountName: long(200_000) } })),
    withRedis(`${DEEP} levels`, queue({}), pool(nested(DEEP))),
    withRedis(
      `${LARGE_POOLS} pools of 1 MB`,
      queue({}),
      ...Array.from({ length: LARGE_POOLS }, (_, index) =>
        pool({ metadata: { annotations: { note: long(MEGABYTE) } } }, `large-${index}`),
      ),
    ),
    withRedis('a queue name of 200 letters', queue({ redis: { queueName: 'ä'.repeat(200) } }), pool({})),
    ...hostileSecrets(redisUrl).map((data, index) => ({
      name: `Secret ${index + 1}`,
      objects: [secret(data), queue({}), pool({})],
    })),
    ...ofName,
    ...texts,
  ];
  return cases.map(({ name, objects }, index) => ({
    name,
    objects: objects.map((each) => ofCase(each, `jobs-${index}`)),
  }));
}

/** With a queue that no other case has, as all share a Redis. */
function ofCase({ type, object }: HostileObject, queueName: string): HostileObject {
  if (type === QUEUES) return { type, object: { ...object, metadata: { ...object.metadata, name: queueName } } };
  if (type !== WORKER_POOLS) return { type, object };
  const { spec } = object as unknown as { readonly spec: WorkerPool['spec'] };
  const queues = spec.queues.map((name) => (name === QUEUE ? queueName : name));
  return { type, object: { ...object, spec: { ...spec, queues } } as never };
}

/** Not with what the spec itself requires, which every case has. */
function fieldsOf({ properties = {} }: FieldSchema): StringField[] {
  return Object.entries(properties).flatMap(([name, child]) =>
    stringFields(child, `spec.${name}`).map(({ path, fill }) => ({ path, fill: (text) => ({ [name]: fill(text) }) })),
  );
}

function hostileSecrets(redisUrl: string): Readonly<Record<string, string>>[] {
  return [
    { 'redis-host': long(100_000), 'redis-port': '6379' },
    { 'redis-url': `redis://${long(100_000)}@127.0.0.1:1` },
    { 'redis-url': redisUrl, 'redis-ca.crt': long(500_000) },
    { 'redis-url': redisUrl, 'redis-password': EXPANSION, 'redis-username': EXPANSION },
    { 'redis-host': EXPANSION, 'redis-port': EXPANSION, constructor: 'x' },
  ];
}

function nested(depth: number): object {
  return JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) as object;
}

function long(letters: number): string {
  return 'x'.repeat(letters);
}

/** An object with that own key, `__proto__` too. */
function named(key: string, value: unknown): object {
  return Object.defineProperty({}, key, { value, enumerable: true });
}

function secret(stringData: Readonly<Record<string, string>>): HostileObject {
  return {
    type: SECRETS,
    object: { ...typeMeta(SECRETS), metadata: { name: 'redis-credentials' }, stringData } as never,
  };
}

function queue(spec: object): HostileObject {
  return { type: QUEUES, object: { ...typeMeta(QUEUES), metadata: { name: QUEUE }, spec } as never };
}

function poolOf(rest: object, name = 'workers'): HostileObject {
  const spec = { image: 'registry.example/worker', version: '1', queues: [QUEUE], replicas: 1, ...rest };
  return { type: WORKER_POOLS, object: { ...typeMeta(WORKER_POOLS), metadata: { name }, spec } as never };
}

function pool(template: object, name?: string): HostileObject {
  return poolOf({ template }, name);
}

function annotated({ type, object }: HostileObject): HostileObject {
  const annotations = { 'example.com/note': long(200_000) };
  return { type, object: { ...object, metadata: { ...object.metadata, annotations } } };
}
