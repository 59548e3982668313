import { describe, expect, it } from 'vitest';
import { chartFolder, chartsWith, controllerCharts, render, type Rendered } from './helm.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

const rulesOf = (objects: Rendered[], kind: string): Rule[] =>
  objects.filter((object) => object.kind === kind).flatMap((object) => (object as unknown as { rules: Rule[] }).rules);

/** A rule as a line: verbs, resources, and the names to which it is bound. */
const line = ({ apiGroups, resources, resourceNames, verbs }: Rule): string =>
  `${verbs.join(' ')}: ${resources.join(' ')} (${apiGroups.map((group) => group || 'core').join(' ')})${resourceNames ? ` named ${resourceNames.join(' ')}` : ''}`;

const shared = ['get list watch: secrets (core) named redis-credentials', 'create patch: events (core)'];

describe.each([
  [
    'queue-controller',
    [
      ...shared,
      'get list watch patch: queues (redis-queue.io)',
      'patch: queues/status (redis-queue.io)',
      'get: namespaces (core) named kube-system',
    ],
  ],
  [
    'workerpool-controller',
    [
      ...shared,
      'get list watch: workerpools queues (redis-queue.io)',
      'patch: workerpools/status (redis-queue.io)',
      'update: workerpools/finalizers (redis-queue.io)',
      'get list watch create patch: deployments (apps)',
      'get list watch patch: pods (core)',
      'get list watch create patch: poddisruptionbudgets (policy)',
      'get list watch: configmaps (core)',
    ],
  ],
  ['autoscaler', [...shared, 'get list watch: workerpools queues (redis-queue.io)']],
] as const)('%s', (chart, everywhere) => {
  it('has these rights in the cluster, and no more', async () => {
    expect(rulesOf(await render(chartFolder(chart)), 'ClusterRole').map(line)).toEqual(everywhere);
  });

  it('has these rights in its own namespace, and no more', async () => {
    expect(rulesOf(await render(chartFolder(chart)), 'Role').map(line)).toEqual([
      'create: leases (coordination.k8s.io)',
      `get list watch update: leases (coordination.k8s.io) named ${chart}`,
    ]);
  });
});

describe.each(controllerCharts)('%s', (chart) => {
  it('has no right by wildcard', async () => {
    const objects = await render(chartFolder(chart));
    const rules = [...rulesOf(objects, 'ClusterRole'), ...rulesOf(objects, 'Role')];
    expect(rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs])).not.toContain(
      '*',
    );
  });

  it('has no right outside the one namespace that it is bound to, except to identify the cluster by kube-system', async () => {
    const objects = await render(chartFolder(chart), { values: { namespaceScope: 'shop' } });
    const inShop = objects.filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'shop');
    const secrets = rulesOf(inShop, 'Role').some(({ resources }) => resources.includes('secrets'));
    expect(secrets).toBe(chartsWith('redis').includes(chart));
    const clusterWide = rulesOf(objects, 'ClusterRole').map(line);
    expect(clusterWide).toEqual(chart === 'queue-controller' ? ['get: namespaces (core) named kube-system'] : []);
  });
});

describe.each(chartsWith('redis'))('%s', (chart) => {
  it('reads Secrets by the permitted names only', async () => {
    const values = { redis: { secretNames: ['redis-a', 'redis-b'] } };
    const objects = await render(chartFolder(chart), { values });
    const secrets = [...rulesOf(objects, 'ClusterRole'), ...rulesOf(objects, 'Role')].filter(({ resources }) =>
      resources.includes('secrets'),
    );
    expect(secrets.map(({ resourceNames, verbs }) => [resourceNames, verbs])).toEqual([
      [
        ['redis-a', 'redis-b'],
        ['get', 'list', 'watch'],
      ],
    ]);
  });
});

it('the workerpool-controller reads and watches further Secrets only when they are named', async () => {
  const folder = chartFolder('workerpool-controller');
  const objects = await render(folder, { values: { workers: { secretNames: ['mail-api', 'maps'] } } });
  expect(rulesOf(objects, 'ClusterRole').map(line)).toContain('get list watch: secrets (core) named mail-api maps');
  expect(JSON.stringify(objects)).toContain('"--worker-secret-names=mail-api,maps"');
  expect(JSON.stringify(await render(folder))).not.toContain('--worker-secret-names');
});
