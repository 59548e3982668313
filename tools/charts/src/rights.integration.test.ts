import { APPS } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { chartFolder, chartsWith, controllerCharts, isHook, render, type Rendered } from './rendering/helm.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

/** While the release is installed; `ofHooks`: while it is uninstalled. */
const rulesOf = (objects: Rendered[], kind: string, ofHooks = false): Rule[] =>
  objects
    .filter((object) => object.kind === kind && isHook(object) === ofHooks)
    .flatMap((object) => (object as unknown as { rules: Rule[] }).rules);

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
      'patch: queues/status queueredrives/status (redis-queue.io)',
      'get list watch delete: queueredrives (redis-queue.io)',
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
  [
    'backup-controller',
    [
      shared[0],
      'get: secrets (core) named backup-storage backup-key',
      shared[1],
      'get list watch: queues (redis-queue.io)',
      'get list watch patch delete: queuebackups queuerestores (redis-queue.io)',
      'patch: queuebackups/status queuebackupschedules/status queuerestores/status (redis-queue.io)',
      'create: queuebackups queuerestores (redis-queue.io)',
      'update: queuebackupschedules/finalizers (redis-queue.io)',
      'get list watch: queuebackupschedules (redis-queue.io)',
    ],
  ],
] as const)('%s', (chart, everywhere) => {
  it('has these rights in the cluster, and no more', async () => {
    expect(rulesOf(await render(chartFolder(chart)), 'ClusterRole').map(line)).toEqual(everywhere);
  });

  it('has these rights in its own namespace, and no more', async () => {
    expect(rulesOf(await render(chartFolder(chart)), 'Role').map(line)).toEqual([
      'create: leases (coordination.k8s.io)',
      `get list watch update: leases (coordination.k8s.io) named rq-${chart}`,
      ...(chartsWith('bus').includes(chart) ? ['get list watch: secrets (core) named redis-queue-bus'] : []),
    ]);
  });
});

it.each(chartsWith('bus'))('%s may read the certificates for the bus that a value names', async (chart) => {
  const values = { bus: { tls: { secretName: 'proof' } } };
  expect(rulesOf(await render(chartFolder(chart), { values }), 'Role').map(line)).toContain(
    'get list watch: secrets (core) named redis-queue-bus proof',
  );
});

describe.each(controllerCharts)('%s', (chart) => {
  it('has no right by wildcard', async () => {
    const objects = await render(chartFolder(chart));
    const rules = [...rulesOf(objects, 'ClusterRole'), ...rulesOf(objects, 'Role')];
    expect(rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs])).not.toContain(
      '*',
    );
  });

  it('restricted to namespaces, it has the same rights there, a Lease in its own, and nothing cluster-wide', async () => {
    const restricted = { namespaces: ['shop', 'crm'], ...(chart === 'queue-controller' && { clusterId: 'here' }) };
    const objects = await render(chartFolder(chart), { values: restricted });
    expect(objects.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
    const everywhere = rulesOf(await render(chartFolder(chart)), 'ClusterRole').map(line);
    for (const namespace of restricted.namespaces) {
      const inNamespace = (object: Rendered): boolean => object.metadata.namespace === namespace && !isHook(object);
      const rules = rulesOf(objects.filter(inNamespace), 'Role').map(line);
      expect(rules).toEqual(everywhere.filter((rule) => !rule.includes('kube-system')));
      expect(objects.filter(inNamespace).map(({ kind }) => kind)).toEqual(['Role', 'Role', 'RoleBinding']);
      // One says whose the namespace is, and grants nothing.
      const claim = objects.filter(inNamespace).find(({ metadata }) => metadata.name === `redis-queue:claim:${chart}`);
      expect(claim).toMatchObject({ kind: 'Role', rules: [] });
    }
    expect(JSON.stringify(objects)).toContain('"--namespace-scope=shop,crm"');
  });

  it('is bound by a policy, which the chart of the definitions has where this one has nothing cluster-wide', async () => {
    const spec = (objects: Rendered[], name = `rq-${chart}`): unknown =>
      objects.find(({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' && metadata.name.endsWith(name))?.[
        'spec'
      ];
    const account = { controller: chart, namespace: 'redis-queue', serviceAccountName: `rq-${chart}` };
    const definitions = await render(chartFolder('redis-queue-crds'), {
      values: { admission: { accounts: [account] } },
    });
    expect(spec(definitions)).toBeDefined();
    expect(spec(definitions)).toEqual(spec(await render(chartFolder(chart))));
    expect(spec(await render(chartFolder(chart), { values: { admission: { enabled: false } } }))).toBeUndefined();
    const named = { create: false, name: 'own' };
    const other = spec(await render(chartFolder(chart), { values: { serviceAccount: named } }));
    expect(JSON.stringify(other)).toContain(`object.metadata.name == 'rq-${chart}'`);
    const accountOfOther = { ...account, serviceAccountName: 'own', leaseName: `rq-${chart}` };
    const values = { admission: { accounts: [accountOfOther] } };
    expect(spec(await render(chartFolder('redis-queue-crds'), { values }), 'own')).toEqual(other);
    const unclear = { admission: { accounts: [{ ...account, serviceAccountName: 'own' }] } };
    await expect(render(chartFolder('redis-queue-crds'), { values: unclear })).rejects.toThrow(
      `redis-queue/own without leaseName, and its name does not tell that of the Lease: set leaseName to what --lease-name of the ${chart} is`,
    );
    expect(spec(await render(chartFolder(chart), { values: { serviceAccount: { create: false } } }))).toBeUndefined();
  });
});

describe.each(chartsWith('redis'))('%s', (chart) => {
  it('reads Secrets by the permitted names only, and the one of the bus where the release is', async () => {
    const bus = chartsWith('bus').includes(chart) ? { secretName: 'own-bus' } : undefined;
    const values = { redis: { secretNames: ['redis-a', 'redis-b'] }, ...(bus && { bus }) };
    const objects = await render(chartFolder(chart), { values });
    const secrets = (kind: string): string[] =>
      rulesOf(objects, kind)
        .filter(({ resources }) => resources.includes('secrets'))
        .map(line);
    const ofStorages = chartsWith('storage').includes(chart)
      ? ['get: secrets (core) named backup-storage backup-key']
      : [];
    expect(secrets('ClusterRole')).toEqual(['get list watch: secrets (core) named redis-a redis-b', ...ofStorages]);
    expect(secrets('Role')).toEqual(bus ? ['get list watch: secrets (core) named own-bus'] : []);
  });
});

it('the workerpool-controller reads and watches further Secrets only when they are named', async () => {
  const folder = chartFolder('workerpool-controller');
  const objects = await render(folder, { values: { workers: { secretNames: ['mail-api', 'maps'] } } });
  expect(rulesOf(objects, 'ClusterRole').map(line)).toContain('get list watch: secrets (core) named mail-api maps');
  expect(JSON.stringify(objects)).toContain('"--worker-secret-names=mail-api,maps"');
  expect(JSON.stringify(await render(folder))).not.toContain('--worker-secret-names');
});

describe('the queue-controller', () => {
  const folder = chartFolder('queue-controller');

  it('has to be told which cluster it is in where it may not read that', async () => {
    const restricted = render(folder, { values: { namespaces: ['shop'] } });
    await expect(restricted).rejects.toThrow(
      'clusterId of the chart queue-controller is required together with namespaces',
    );
  });

  it('needs no right on kube-system once it is told', async () => {
    const objects = await render(folder, { values: { clusterId: 'here' } });
    expect(rulesOf(objects, 'ClusterRole').map(line).join()).not.toContain('namespaces');
    expect(JSON.stringify(objects)).toContain('"--cluster-id=here"');
  });
});

it('who has view in a namespace reads objects of ours, who has edit or admin writes them; nobody writes a status', async () => {
  const objects = await render(chartFolder('redis-queue-crds'));
  expect(rulesOf(objects, 'ClusterRole').map(line)).toEqual([
    'get list watch: queuebackups queuebackupschedules queueredrives queuerestores queues workerpools workerpools/scale (redis-queue.io)',
    'create update patch delete deletecollection: queuebackups queuebackupschedules queueredrives queuerestores queues workerpools (redis-queue.io)',
    'update patch: workerpools/scale (redis-queue.io)',
  ]);
  const off = await render(chartFolder('redis-queue-crds'), { values: { userRoles: false } });
  expect(rulesOf(off, 'ClusterRole')).toEqual([]);
});

describe.each(controllerCharts)('uninstalling %s', (chart) => {
  const plurals = (APPS[chart].holds ?? []).map((kind) => `${kind.toLowerCase()}s`);
  const held = plurals.length > 0 ? [`get list patch: ${plurals.join(' ')} (redis-queue.io)`] : [];
  const inRelease = plurals.length > 0 ? [`get: deployments (apps) named rq-${chart}`] : [];

  it('grants the rights to take its finalizers off and to see that it is gone, to an account of its own, and nothing else', async () => {
    const objects = await render(chartFolder(chart));
    expect(rulesOf(objects, 'ClusterRole', true).map(line)).toEqual(held);
    expect(rulesOf(objects, 'Role', true).map(line)).toEqual(inRelease);
    const hooks = objects.filter(isHook);
    expect(hooks.filter(({ kind }) => kind === 'Job')).toHaveLength(held.length);
    for (const { metadata } of hooks)
      expect(metadata.annotations).toMatchObject({
        'helm.sh/hook': 'post-delete',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
      });
  });

  it('restricted to namespaces, grants it there alone, and looks there alone', async () => {
    const restricted = { namespaces: ['shop', 'crm'], ...(chart === 'queue-controller' && { clusterId: 'here' }) };
    const hooks = (await render(chartFolder(chart), { values: restricted })).filter(isHook);
    expect(hooks.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
    for (const namespace of [...restricted.namespaces, 'redis-queue']) {
      const there = hooks.filter(({ metadata }) => metadata.namespace === namespace);
      expect(rulesOf(there, 'Role', true).map(line)).toEqual(namespace === 'redis-queue' ? inRelease : held);
    }
    expect(JSON.stringify(hooks).includes('"--namespace-scope=shop,crm"')).toBe(held.length > 0);
  });
});

/** What the policy over the account of a hook says. */
const specOf = (objects: Rendered[]): unknown =>
  objects.find(({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' && metadata.name.endsWith('-uninstall'))?.[
    'spec'
  ];

describe('the hook of the queue-controller', () => {
  const folder = chartFolder('queue-controller');
  const hooksOf = async (values: object, release?: string): Promise<Rendered[]> =>
    (await render(folder, { values, ...(release && { release }) })).filter(isHook);

  it('can be switched off', async () => {
    expect(await hooksOf({ uninstall: { releaseFinalizers: false } })).toEqual([]);
  });

  it('has the same policy over its account from either chart, and none where admission is off', async () => {
    const account = { controller: 'queue-controller', namespace: 'redis-queue', serviceAccountName: 'own' };
    const accounts = [{ ...account, leaseName: 'rq-queue-controller' }];
    const definitions = await render(chartFolder('redis-queue-crds'), { values: { admission: { accounts } } });
    expect(specOf(await hooksOf({}))).toBeDefined();
    expect(specOf(definitions)).toEqual(specOf(await hooksOf({})));
    expect(definitions.filter(isHook)).toEqual([]);
    expect(specOf(await hooksOf({ admission: { enabled: false } }))).toBeUndefined();
    // In one release with the controllers, the policies of the definitions are gone before the hook runs.
    const values = { crds: { admission: { accounts } } };
    const together = (await render(chartFolder('redis-queue'), { values })).filter(isHook);
    expect(together.some(({ metadata }) => metadata.name === 'redis-queue-rq-queue-controller-uninstall-hook')).toBe(
      true,
    );
  });

  it('pulls the image as the controller does and runs where it may, without the proxy of a mesh', async () => {
    const values = {
      imagePullSecrets: [{ name: 'registry' }],
      tolerations: [{ key: 'a', operator: 'Exists' }],
      extraArgs: ['--kubeconfig=/vault/config', '--leader-elect=true'],
      podAnnotations: { 'linkerd.io/inject': 'enabled', team: 'a' },
    };
    const job = (await hooksOf(values)).find(({ kind }) => kind === 'Job') as unknown as {
      spec: { template: { metadata: { labels: object; annotations: object }; spec: Record<string, unknown> } };
    };
    const { metadata, spec } = job.spec.template;
    expect(spec).toMatchObject({ imagePullSecrets: values.imagePullSecrets, tolerations: values.tolerations });
    const [container] = spec['containers'] as [{ args: string[]; image: string }];
    expect(container.image).toBe('registry.example/redis-queue/queue-controller:0.1.0');
    expect(container.args).toEqual([
      '--release-finalizers=true',
      '--unless-deployment=redis-queue/rq-queue-controller',
      '--log-level=info',
      '--kubeconfig=/vault/config',
    ]);
    expect(metadata.annotations).toEqual({ 'linkerd.io/inject': 'disabled', team: 'a' });
    expect(metadata.labels).toMatchObject({ 'sidecar.istio.io/inject': 'false' });
  });

  it('has names that a label can hold, of two charts never the same one', async () => {
    const release = 'r'.repeat(53);
    const names = (await hooksOf({}, release))
      .filter(({ kind }) => kind === 'Job')
      .map(({ metadata }) => metadata.name);
    expect(names).toEqual([expect.stringMatching(/^r{44}-[0-9a-f]{8}-uninstall$/)]);
  });
});

/** The flag that the value sets. */
const argument = async (workers: object): Promise<string | undefined> => {
  const objects = await render(chartFolder('workerpool-controller'), { values: { workers } });
  return /--worker-run-as-user=\w+/.exec(JSON.stringify(objects))?.[0];
};

it('no pod has a fixed uid, so that OpenShift can give one; that of workers is a value', async () => {
  for (const chart of controllerCharts) {
    const deployment = (await render(chartFolder(chart))).find(({ kind }) => kind === 'Deployment');
    expect(JSON.stringify(deployment)).toContain('"runAsNonRoot":true');
    expect(JSON.stringify(deployment)).not.toContain('"runAsUser"');
  }
  expect(await argument({})).toBe('--worker-run-as-user=65532');
  expect(await argument({ runAsUser: 1000 })).toBe('--worker-run-as-user=1000');
  expect(await argument({ runAsUser: null })).toBe('--worker-run-as-user=image');
});

describe('the backup-controller', () => {
  const folder = chartFolder('backup-controller');

  it('reads Secrets of storages by the permitted names only, and none where the list is empty', async () => {
    const named = await render(folder, { values: { storage: { secretNames: ['minio', 'keys'] } } });
    expect(rulesOf(named, 'ClusterRole').map(line)).toContain('get: secrets (core) named minio keys');
    expect(JSON.stringify(named)).toContain('"--storage-secret-names=minio,keys"');
    const none = await render(folder, { values: { storage: { secretNames: [] } } });
    expect(
      rulesOf(none, 'ClusterRole')
        .map(line)
        .filter((rule) => rule.includes('secrets')),
    ).toEqual([shared[0]]);
  });

  it('mounts a volume for backups, which it may write to, only when a claim is named', async () => {
    const without = JSON.stringify(await render(folder));
    for (const trace of ['persistentVolumeClaim', '--volume-directory', 'fsGroup', '/backups'])
      expect(without).not.toContain(trace);
    const volume = { claimName: 'backups' };
    const text = JSON.stringify(await render(folder, { values: { storage: { volume } } }));
    for (const trace of [
      '"claimName":"backups"',
      '"--volume-directory=/backups"',
      '"mountPath":"/backups"',
      '"fsGroup":65532',
    ])
      expect(text).toContain(trace);
    const ownGroup = await render(folder, { values: { storage: { volume: { ...volume, fsGroup: null } } } });
    expect(JSON.stringify(ownGroup)).not.toContain('fsGroup');
  });
});
