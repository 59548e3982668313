import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEPLOYMENTS, loadKubeClient, type KubeClient } from '@redis-queue/controller';
import { startControlPlane, type ControlPlane } from '@redis-queue/rig';
import type { Deployment } from '../../kubernetes/objects.ts';
import { randomPartial } from '../../testing/partial-templates.ts';
import { mergePodTemplate } from './merge.ts';
import { ATOMIC_MAPS, LIST_KEYS, type JsonObject, type PodTemplate } from './pod-schema.ts';

let cluster: ControlPlane;
let client: KubeClient;
beforeAll(async () => {
  cluster = await startControlPlane();
  client = loadKubeClient({ kubeconfigPath: cluster.kubeconfigPath });
});
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
}

/** Every property that a pod template can have, with its schema and what that refers to. */
function* propertiesOf(
  name: string,
  all: Record<string, Schema>,
  seen = new Set<string>(),
): Generator<[string, Schema, Schema]> {
  if (seen.has(name)) return;
  seen.add(name);
  for (const [property, schema] of Object.entries(all[name]?.properties ?? {})) {
    const reference = refOf(schema) ?? refOf(schema.items);
    yield [property, schema, all[refOf(schema) ?? ''] ?? {}];
    if (reference) yield* propertiesOf(reference, all, seen);
  }
}

function refOf(schema: Schema | undefined): string | undefined {
  return (schema?.$ref ?? schema?.allOf?.[0]?.$ref)?.split('/').at(-1);
}

it('the tables of keys and of maps with one owner are those that the API server publishes', async () => {
  const { components } = await client.raw<{ components: { schemas: Record<string, Schema> } }>('/openapi/v3/api/v1');
  const properties = [...propertiesOf('io.k8s.api.core.v1.PodTemplateSpec', components.schemas)];
  const keyed = properties.filter(([, schema]) => schema['x-kubernetes-list-type'] === 'map');
  for (const [name, schema] of keyed)
    expect([name, schema['x-kubernetes-list-map-keys']]).toEqual([name, LIST_KEYS[name]]);
  expect(new Set(keyed.map(([name]) => name))).toEqual(new Set(Object.keys(LIST_KEYS)));
  // The same name is never a list of the other kind elsewhere.
  const plain = properties.filter(([name, schema]) => schema.items && !keyed.some(([other]) => other === name));
  expect(plain.map(([name]) => name).filter((name) => name in LIST_KEYS)).toEqual([]);

  const atomic = properties.filter(([, schema, target]) =>
    [schema, target].some((each) => each['x-kubernetes-map-type'] === 'atomic'),
  );
  expect(new Set(atomic.map(([name]) => name))).toEqual(ATOMIC_MAPS);
});

const built: PodTemplate = {
  metadata: { labels: { app: 'x' }, annotations: { ours: '1' } },
  spec: {
    securityContext: { runAsNonRoot: true, runAsUser: 65_532 },
    containers: [
      {
        name: 'worker',
        image: 'worker:1',
        ports: [{ name: 'http', containerPort: 9100, protocol: 'TCP' }],
        env: [
          { name: 'A', value: '1' },
          { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } },
        ],
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: {} }],
  },
};

it('leaves what a server-side apply of both would leave', async () => {
  const namespace = await cluster.createNamespace('merge');
  const apply = async (name: string, fieldManager: string, template: JsonObject): Promise<unknown> => {
    const spec = { replicas: 0, selector: { matchLabels: { app: 'x' } }, template };
    const object = { metadata: { namespace, name }, spec };
    const options = { fieldManager, force: true, fieldValidation: 'Strict' } as const;
    return (await client.apply<Deployment>(DEPLOYMENTS, object, options)).spec['template'];
  };
  for (let seed = 1; seed <= 40; seed++) {
    const partial = randomPartial(seed);
    await apply(`both-${seed}`, 'built', built);
    const both = await apply(`both-${seed}`, 'partial', partial);
    const merged = await apply(`merged-${seed}`, 'merged', mergePodTemplate(built, partial));
    expect(byKey(merged)).toEqual(byKey(both));
  }
});

/** Lists with keys in one order: a server-side apply puts entries elsewhere than we do. */
function byKey(value: unknown, field = ''): unknown {
  if (Array.isArray(value)) {
    const entries = value.map((entry) => byKey(entry));
    return field in LIST_KEYS ? entries.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : entries;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, byKey(inner, name)]),
  );
}
