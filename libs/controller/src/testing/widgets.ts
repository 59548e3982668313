import { readFileSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import type { Condition } from '../objects/conditions.ts';
import type { Resource, ResourceType } from '../objects/resources.ts';

/** A kind for tests, with a status: the runtime knows nothing of the project's own kinds. */
export interface Widget extends Resource {
  spec: { size: number };
  status?: { seen?: number; observedGeneration?: number; conditions?: Condition[] };
}

export const WIDGETS: ResourceType = {
  group: 'test.example',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

const INTEGER = { type: 'integer' };
const CONDITION_FIELDS = ['type', 'status', 'reason', 'message', 'lastTransitionTime'];
const CONDITIONS = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type'],
    properties: {
      ...Object.fromEntries(CONDITION_FIELDS.map((name) => [name, { type: 'string' }])),
      observedGeneration: INTEGER,
    },
  },
};
const fields = (properties: object) => ({ type: 'object', properties });

/** Installs the kind and waits until it is served. */
export async function installWidgets(cluster: {
  apply(manifest: object): Promise<string>;
  kubectl(...args: string[]): Promise<string>;
}): Promise<void> {
  const status = fields({ seen: INTEGER, observedGeneration: INTEGER, conditions: CONDITIONS });
  const schema = fields({ spec: fields({ size: INTEGER }), status });
  const { group, version, plural, kind } = WIDGETS;
  const served = { name: version, served: true, storage: true, subresources: { status: {} } };
  await cluster.apply({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [{ ...served, schema: { openAPIV3Schema: schema } }],
    },
  });
  await cluster.kubectl('wait', '--for=condition=Established', '--timeout=30s', `crd/${plural}.${group}`);
}

export function widget(namespace: string, name: string, size = 1): Widget {
  return { apiVersion: 'test.example/v1', kind: 'Widget', metadata: { namespace, name }, spec: { size } };
}

export const silentLog = pino({ level: 'silent' });

/** A copy of the kubeconfig that goes through `port` of loopback. */
export function kubeconfigThrough(port: number, kubeconfigPath: string, server: string): string {
  const path = `${kubeconfigPath}.${port}`;
  writeFileSync(path, readFileSync(kubeconfigPath, 'utf8').replaceAll(server, `https://127.0.0.1:${port}`), {
    mode: 0o600,
  });
  return path;
}
