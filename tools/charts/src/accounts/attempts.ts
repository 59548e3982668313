import type { AppName } from '@redis-queue/api';
import type { ApiRequest } from './account.ts';

/** What an attacker finds in the cluster; all of it exists. */
export interface Scene {
  /** Of the controllers. */
  readonly release: string;
  /** Of a tenant, with the pool `workers` (its Deployment and pods) and the Queue `emails`; and with `web`, nothing of ours. */
  readonly shop: string;
  /** Deployment of the pool `workers`, as it is. */
  readonly deployment: Manifest;
  /** A pod of it, and one of `web`. */
  readonly workerPod: string;
  readonly webPod: string;
}

/** An object, as far as attempts change it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: object[];
    [field: string]: unknown;
  };
  spec: { selector: object; template: { metadata: object; spec: PodSpec }; [field: string]: unknown };
}

interface PodSpec {
  containers: { name: string; [field: string]: unknown }[];
  volumes?: object[];
  [field: string]: unknown;
}

/** Something that must fail for whoever stole the token of `who`. */
export interface Attempt {
  readonly who: AppName;
  readonly what: string;
  readonly request: ApiRequest;
  /** What admission never sees, such as reading: rights alone stand in its way. */
  readonly rightsAlone?: boolean;
}

const REFUSED_SECRET = 'redis-controller';
/** Values under which the attempts are made. */
export const TEMPLATE_VALUES = { refusedSecretNames: [REFUSED_SECRET], serviceAccountNames: ['worker'] };

/** Everything that must fail. */
export function attempts(scene: Scene): Attempt[] {
  return [
    ...deploymentAttempts(scene),
    ...templateAttempts(scene),
    ...budgetAttempts(scene),
    ...podAttempts(scene),
    ...kindAttempts(scene),
    ...leaseAndEventAttempts(scene),
    ...clusterAttempts(scene),
  ];
}

const by =
  (who: AppName, rightsAlone = false) =>
  (what: string, request: ApiRequest): Attempt => ({ who, what, request, ...(rightsAlone && { rightsAlone }) });
const pool = by('workerpool-controller');
const poolReads = by('workerpool-controller', true);

const core = (namespace: string, plural: string, name?: string): string =>
  `/api/v1/namespaces/${namespace}/${plural}${name ? `/${name}` : ''}`;
const inGroup = (group: string, namespace: string, plural: string, name?: string): string =>
  `/apis/${group}/namespaces/${namespace}/${plural}${name ? `/${name}` : ''}`;
const deployments = (namespace: string, name?: string): string => inGroup('apps/v1', namespace, 'deployments', name);
const ours = (namespace: string, plural: string, name?: string): string =>
  inGroup('redis-queue.io/v1', namespace, plural, name);
const post = (path: string, body: object): ApiRequest => ({ method: 'POST', path, body });
const patch = (path: string, body: object): ApiRequest => ({ method: 'PATCH', path, body });
const patchStrategic = (path: string, body: object): ApiRequest => ({ ...patch(path, body), strategic: true });
const remove = (path: string): ApiRequest => ({ method: 'DELETE', path });

/** A new Deployment as the controller would create one, of a pool that does not exist. */
export function deploymentOf(scene: Scene, name: string, namespace = scene.shop): Manifest {
  const { apiVersion, kind, metadata, spec } = structuredClone(scene.deployment);
  const owner = metadata.ownerReferences?.[0] as Record<string, unknown>;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      labels: { ...metadata.labels, 'redis-queue.io/pool': name },
      ownerReferences: [{ ...owner, name }],
    },
    spec: {
      ...spec,
      selector: { matchLabels: { 'redis-queue.io/pool': name } },
      template: { ...spec.template, metadata: { labels: { 'redis-queue.io/pool': name } } },
    },
  };
}

function deploymentAttempts(scene: Scene): Attempt[] {
  const { shop, release, deployment } = scene;
  const owner = deployment.metadata.ownerReferences?.[0] as Record<string, unknown>;
  const create = (what: string, change: (made: Manifest) => void, namespace = shop): Attempt => {
    const made = deploymentOf(scene, 'stolen', namespace);
    change(made);
    return pool(`creates a Deployment ${what}`, post(deployments(namespace), made));
  };
  const ownedBy = (made: Manifest, reference: object): void => {
    made.metadata.ownerReferences = [{ ...owner, name: 'stolen', ...reference }];
  };
  const web = deployments(shop, 'web');
  const own = deployments(shop, 'workers');
  return [
    create('without our label', ({ metadata }) => delete metadata.labels),
    create('with the label of another pool', ({ metadata }) => {
      metadata.labels = { 'redis-queue.io/pool': 'workers' };
    }),
    create('that nobody owns', ({ metadata }) => delete metadata.ownerReferences),
    create('that a ReplicaSet owns', (made) => ownedBy(made, { apiVersion: 'apps/v1', kind: 'ReplicaSet' })),
    create('that a WorkerPool of somebody else owns', (made) => ownedBy(made, { apiVersion: 'evil.io/v1' })),
    create('that a Queue owns', (made) => ownedBy(made, { kind: 'Queue' })),
    create('that a WorkerPool owns but does not control', (made) => ownedBy(made, { controller: false })),
    create('of a pool of another name', (made) => ownedBy(made, { name: 'workers' })),
    create('that selects by another label', ({ spec }) => {
      spec.selector = { matchLabels: { app: 'web' } };
      spec.template.metadata = { labels: { app: 'web' } };
    }),
    create('that selects by one more expression', ({ spec }) => {
      const matchExpressions = [{ key: 'redis-queue.io/pool', operator: 'Exists' }];
      spec.selector = { ...spec.selector, matchExpressions };
    }),
    create('in kube-system', () => undefined, 'kube-system'),
    create('beside the controllers', () => undefined, release),
    pool('changes the image of a foreign Deployment', patchStrategic(web, withContainer('web', { image: 'evil' }))),
    pool('resizes a foreign Deployment', patch(web, { spec: { replicas: 0 } })),
    pool(
      'labels a foreign Deployment as its own',
      patch(web, { metadata: { labels: { 'redis-queue.io/pool': 'web' } } }),
    ),
    pool(
      'adopts a foreign Deployment',
      patch(web, {
        metadata: { labels: { 'redis-queue.io/pool': 'web' }, ownerReferences: [{ ...owner, name: 'web' }] },
      }),
    ),
    pool('overrides a foreign Deployment by server-side apply', {
      method: 'PATCH',
      path: web,
      apply: 'redis-queue',
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: {
          name: 'web',
          labels: { 'redis-queue.io/pool': 'web' },
          ownerReferences: [{ ...owner, name: 'web' }],
        },
        spec: { replicas: 3 },
      },
    }),
    pool('gives a Deployment away', patch(own, { metadata: { ownerReferences: null } })),
    pool(
      'gives a Deployment to another WorkerPool',
      patch(own, {
        metadata: { ownerReferences: [{ ...owner, uid: '00000000-0000-4000-8000-000000000000' }] },
      }),
    ),
    pool('deletes a foreign Deployment', remove(web)),
    pool('deletes a Deployment of ours', remove(own)),
    pool('deletes all Deployments', remove(deployments(shop))),
    pool('resizes by the scale subresource', patch(`${web}/scale`, { spec: { replicas: 0 } })),
    pool('writes the status of a Deployment', patch(`${own}/status`, { status: { observedGeneration: 99 } })),
  ];
}

const withContainer = (name: string, fields: object): object => ({
  spec: { template: { spec: { containers: [{ name, image: 'web', ...fields }] } } },
});

function templateAttempts(scene: Scene): Attempt[] {
  const create = (what: string, change: (spec: PodSpec) => void): Attempt => {
    const made = deploymentOf(scene, 'stolen');
    change(made.spec.template.spec);
    return pool(`creates a Deployment ${what}`, post(deployments(scene.shop), made));
  };
  const change = (what: string, by: (spec: PodSpec) => void): Attempt => {
    const { spec } = structuredClone(scene.deployment).spec.template;
    by(spec);
    return pool(
      `changes a Deployment of ours to be ${what}`,
      patch(deployments(scene.shop, 'workers'), { spec: { template: { spec } } }),
    );
  };
  const volume = (source: object) => (spec: PodSpec) => {
    spec.volumes = [...(spec.volumes ?? []), { name: 'stolen', ...source }];
  };
  const container = (fields: object) => (spec: PodSpec) => void Object.assign(spec.containers[0] ?? {}, fields);
  const capabilities = (...add: string[]) => container({ securityContext: { capabilities: { add } } });
  const privileged = { securityContext: { privileged: true } };
  const env = [{ name: 'STOLEN', valueFrom: { secretKeyRef: { name: REFUSED_SECRET, key: 'redis-url' } } }];
  return [
    create('with a privileged container', container(privileged)),
    create('with a privileged init container', (spec) => {
      spec['initContainers'] = [{ name: 'init', image: 'evil', ...privileged }];
    }),
    ...['hostNetwork', 'hostPID', 'hostIPC'].map((field) =>
      create(`with ${field}`, (spec) => Object.assign(spec, { [field]: true, shareProcessNamespace: false })),
    ),
    create('with a hostPath', volume({ hostPath: { path: '/' } })),
    create('with the capability SYS_ADMIN', capabilities('NET_BIND_SERVICE', 'SYS_ADMIN')),
    create('with all capabilities', capabilities('ALL')),
    create('of another ServiceAccount', (spec) => (spec['serviceAccountName'] = 'admin')),
    create('of another ServiceAccount, by the old field', (spec) => (spec['serviceAccount'] = 'admin')),
    create('with a token', (spec) => (spec['automountServiceAccountToken'] = true)),
    create('with a token, by not saying a word', (spec) => delete spec['automountServiceAccountToken']),
    create(
      'with a projected token',
      volume({ projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }] } }),
    ),
    create('with a refused Secret in a variable', container({ env })),
    create('with a refused Secret as variables', container({ envFrom: [{ secretRef: { name: REFUSED_SECRET } }] })),
    create('with a refused Secret as a volume', volume({ secret: { secretName: REFUSED_SECRET } })),
    create(
      'with a refused Secret as a part of a volume',
      volume({ projected: { sources: [{ secret: { name: REFUSED_SECRET } }] } }),
    ),
    create('with a refused Secret to pull images', (spec) => (spec['imagePullSecrets'] = [{ name: REFUSED_SECRET }])),
    change('privileged', container(privileged)),
    change('on a hostPath', volume({ hostPath: { path: '/var/run' } })),
    change('on the network of the host', (spec) => (spec['hostNetwork'] = true)),
    change('of another ServiceAccount', (spec) =>
      Object.assign(spec, { serviceAccount: 'admin', serviceAccountName: 'admin' }),
    ),
    change('given a token', (spec) => (spec['automountServiceAccountToken'] = true)),
    change('given a refused Secret', container({ env })),
  ];
}

function budgetAttempts({ shop, deployment }: Scene): Attempt[] {
  const owner = deployment.metadata.ownerReferences?.[0] as Record<string, unknown>;
  const budgets = inGroup('policy/v1', shop, 'poddisruptionbudgets');
  const budget = (owned: boolean, matchLabels: object): object => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: {
      name: 'stolen',
      labels: { 'redis-queue.io/pool': 'stolen' },
      ...(owned && { ownerReferences: [{ ...owner, name: 'stolen' }] }),
    },
    spec: { maxUnavailable: 0, selector: { matchLabels } },
  });
  return [
    pool(
      'creates a disruption budget that nobody owns',
      post(budgets, budget(false, { 'redis-queue.io/pool': 'stolen' })),
    ),
    pool('keeps the pods of others from being evicted', post(budgets, budget(true, { app: 'web' }))),
    pool('keeps all pods from being evicted', post(budgets, budget(true, {}))),
    pool('changes a foreign disruption budget', patch(`${budgets}/web`, { spec: { maxUnavailable: 0 } })),
    pool(
      'turns its own against others',
      patch(`${budgets}/workers`, { spec: { selector: { matchLabels: { app: 'web', 'redis-queue.io/pool': null } } } }),
    ),
    pool('deletes a disruption budget', remove(`${budgets}/web`)),
  ];
}

function podAttempts({ shop, workerPod, webPod }: Scene): Attempt[] {
  const own = core(shop, 'pods', workerPod);
  const foreign = core(shop, 'pods', webPod);
  const cost = { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-1' } } };
  const pod = {
    metadata: { name: 'stolen', labels: { 'redis-queue.io/pool': 'workers' } },
    spec: { containers: [{ name: 'a', image: 'evil' }] },
  };
  return [
    pool(
      'changes the image of a worker',
      patchStrategic(own, { spec: { containers: [{ name: 'worker', image: 'evil' }] } }),
    ),
    pool(
      'changes the image of a foreign pod',
      patchStrategic(foreign, { spec: { containers: [{ name: 'web', image: 'evil' }] } }),
    ),
    pool('labels a worker', patch(own, { metadata: { labels: { app: 'web' } } })),
    pool('takes the label of a worker', patch(own, { metadata: { labels: { 'redis-queue.io/pool': null } } })),
    pool('annotates a worker', patch(own, { metadata: { annotations: { 'evil.io/a': 'b' } } })),
    pool('takes an annotation of a worker', patch(own, { metadata: { annotations: { 'example.com/team': null } } })),
    pool('changes an annotation of a worker', patch(own, { metadata: { annotations: { 'example.com/team': 'x' } } })),
    pool('keeps a worker from going', patch(own, { metadata: { finalizers: ['evil.io/stay'] } })),
    pool('takes a worker from its ReplicaSet', patch(own, { metadata: { ownerReferences: null } })),
    pool(
      'tolerates on behalf of a worker',
      patch(own, [{ op: 'add', path: '/spec/tolerations/-', value: { operator: 'Exists' } }]),
    ),
    pool('chooses a foreign pod to go first', patch(foreign, cost)),
    pool(
      'labels a foreign pod as a worker',
      patch(foreign, { metadata: { labels: { 'redis-queue.io/pool': 'web' } } }),
    ),
    pool('creates a pod', post(core(shop, 'pods'), pod)),
    pool('deletes a pod', remove(own)),
    pool('deletes a foreign pod', remove(foreign)),
    pool(
      'evicts a pod',
      post(`${foreign}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: webPod } }),
    ),
    pool('says what state a pod is in', patch(`${foreign}/status`, { status: { phase: 'Failed' } })),
    poolReads('runs a command in a pod', post(`${foreign}/exec?command=id&stdout=true`, {})),
    pool(
      'adds a debugger to a pod',
      patchStrategic(`${foreign}/ephemeralcontainers`, {
        spec: { ephemeralContainers: [{ name: 'evil', image: 'evil', terminationMessagePolicy: 'File' }] },
      }),
    ),
  ];
}

function kindAttempts({ shop }: Scene): Attempt[] {
  const queue = by('queue-controller');
  const autoscaler = by('autoscaler');
  const emails = ours(shop, 'queues', 'emails');
  const workers = ours(shop, 'workerpools', 'workers');
  const status = { status: { conditions: [] } };
  return [
    queue('changes the spec of a Queue', patch(emails, { spec: { paused: true } })),
    queue('points a Queue to another Secret', patch(emails, { spec: { redis: { secretRef: { name: 'x' } } } })),
    queue('labels a Queue', patch(emails, { metadata: { labels: { a: 'b' } } })),
    queue(
      'has a queue taken over',
      patch(emails, { metadata: { annotations: { 'redis-queue.io/take-over': 'true' } } }),
    ),
    queue(
      'has a Queue collected as garbage',
      patch(emails, { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' }] } }),
    ),
    queue("adds somebody else's finalizer", patch(emails, { metadata: { finalizers: ['evil.io/stay'] } })),
    queue('deletes a Queue', remove(emails)),
    queue(
      'creates a Queue',
      post(ours(shop, 'queues'), {
        apiVersion: 'redis-queue.io/v1',
        kind: 'Queue',
        metadata: { name: 'stolen' },
        spec: {},
      }),
    ),
    queue('writes the status of a WorkerPool', patch(`${workers}/status`, status)),
    queue('changes a WorkerPool', patch(workers, { spec: { image: 'evil' } })),
    queue('resizes a WorkerPool', patch(`${workers}/scale`, { spec: { replicas: 100 } })),
    queue('writes a Deployment', patch(deployments(shop, 'workers'), { spec: { replicas: 0 } })),
    pool('changes the spec of a WorkerPool', patch(workers, { spec: { image: 'evil' } })),
    pool('resizes a WorkerPool', patch(`${workers}/scale`, { spec: { replicas: 100 } })),
    pool('labels a WorkerPool', patch(workers, { metadata: { labels: { a: 'b' } } })),
    pool('deletes a WorkerPool', remove(workers)),
    pool('writes the status of a Queue', patch(`${emails}/status`, status)),
    pool('changes the spec of a Queue', patch(emails, { spec: { paused: true } })),
    autoscaler('resizes a WorkerPool', patch(`${workers}/scale`, { spec: { replicas: 100 } })),
    autoscaler('writes the status of a WorkerPool', patch(`${workers}/status`, status)),
    autoscaler('writes the status of a Queue', patch(`${emails}/status`, status)),
    autoscaler('changes the spec of a Queue', patch(emails, { spec: { paused: true } })),
    autoscaler('resizes a Deployment', patch(deployments(shop, 'workers'), { spec: { replicas: 0 } })),
    autoscaler('annotates a Deployment', patch(deployments(shop, 'web'), { metadata: { annotations: { a: 'b' } } })),
  ];
}

function leaseAndEventAttempts({ shop, release, webPod }: Scene): Attempt[] {
  const lease = (namespace: string, name?: string): string =>
    inGroup('coordination.k8s.io/v1', namespace, 'leases', name);
  const held = { spec: { holderIdentity: 'thief', leaseDurationSeconds: 3600 } };
  const newLease = (name: string): object => ({ metadata: { name }, ...held });
  const event = (kind: string, apiVersion: string, from: string): object => ({
    metadata: { name: 'stolen.1' },
    involvedObject: { apiVersion, kind, name: kind === 'Pod' ? webPod : 'workers', namespace: shop },
    reason: 'Stolen',
    message: 'x',
    type: 'Normal',
    reportingComponent: from,
    source: { component: from },
  });
  return [
    pool('takes the Lease of the queue-controller', patch(lease(release, 'queue-controller'), held)),
    pool('creates a Lease of another name', post(lease(release), newLease('stolen'))),
    pool('takes a Lease of Kubernetes', patch(lease('kube-system', 'kube-scheduler'), held)),
    pool('creates a Lease of its name elsewhere', post(lease(shop), newLease('workerpool-controller'))),
    pool('deletes its Lease', remove(lease(release, 'workerpool-controller'))),
    by('queue-controller')('takes the Lease of the autoscaler', patch(lease(release, 'autoscaler'), held)),
    by('autoscaler')('takes the Lease of the queue-controller', patch(lease(release, 'queue-controller'), held)),
    pool('tells of a pod', post(core(shop, 'events'), event('Pod', 'v1', 'workerpool-controller'))),
    pool('speaks as the kubelet', post(core(shop, 'events'), event('WorkerPool', 'redis-queue.io/v1', 'kubelet'))),
    pool('changes the event of another', patch(core(shop, 'events', 'kubelet.1'), { message: 'all is well' })),
    pool('deletes an event', remove(core(shop, 'events', 'kubelet.1'))),
  ];
}

function clusterAttempts({ shop, release }: Scene): Attempt[] {
  const queueReads = by('queue-controller', true);
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const binding = (kind: string): object => ({
    kind,
    metadata: { name: 'stolen' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: shop }],
  });
  const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'evil' }] },
  };
  const always = { ...template, spec: { containers: template.spec.containers } };
  const selector = { matchLabels: { a: 'b' } };
  const metadata = { name: 'stolen' };
  const everyone: AppName[] = ['queue-controller', 'workerpool-controller', 'autoscaler'];
  return [
    ...everyone.flatMap((who) => [
      by(who)('makes somebody an administrator', post(`${rbac}/clusterrolebindings`, binding('ClusterRoleBinding'))),
      by(who)('creates a Secret', post(core(shop, 'secrets'), { metadata, stringData: { a: 'b' } })),
      by(who, true)('reads a Secret of another name', { method: 'GET', path: core(shop, 'secrets', 'payments') }),
      by(who, true)('acts as an administrator', {
        method: 'GET',
        path: core('kube-system', 'secrets'),
        headers: { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' },
      }),
    ]),
    pool(
      'makes somebody the administrator of a namespace',
      post(inGroup('rbac.authorization.k8s.io/v1', shop, 'rolebindings'), binding('RoleBinding')),
    ),
    pool('creates a ClusterRole', post(`${rbac}/clusterroles`, { metadata, rules })),
    pool(
      'widens its own Role',
      patch(inGroup('rbac.authorization.k8s.io/v1', release, 'roles', 'rq-workerpool-controller-leader-election'), {
        rules,
      }),
    ),
    pool(
      'gets a token of another ServiceAccount',
      post(`${core(release, 'serviceaccounts', 'rq-queue-controller')}/token`, { spec: { expirationSeconds: 3600 } }),
    ),
    pool('creates a ServiceAccount', post(core(shop, 'serviceaccounts'), { metadata })),
    poolReads('lists all Secrets', { method: 'GET', path: '/api/v1/secrets' }),
    queueReads('reads the pods', { method: 'GET', path: core(shop, 'pods') }),
    poolReads(
      'removes the policy that binds it',
      remove(
        `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/${release}-rq-workerpool-controller`,
      ),
    ),
    pool('changes a Secret', patch(core(shop, 'secrets', 'payments'), { stringData: { key: 'x' } })),
    pool(
      'changes the Secret of a Redis',
      patch(core(shop, 'secrets', 'redis-credentials'), { stringData: { 'redis-url': 'redis://evil' } }),
    ),
    pool('creates a ConfigMap', post(core(shop, 'configmaps'), { metadata })),
    pool('changes a ConfigMap', patch(core(shop, 'configmaps', 'settings'), { data: { a: 'x' } })),
    pool(
      'creates a DaemonSet',
      post(inGroup('apps/v1', shop, 'daemonsets'), { metadata, spec: { selector, template: always } }),
    ),
    pool(
      'creates a ReplicaSet',
      post(inGroup('apps/v1', shop, 'replicasets'), { metadata, spec: { selector, template: always } }),
    ),
    pool(
      'creates a StatefulSet',
      post(inGroup('apps/v1', shop, 'statefulsets'), {
        metadata,
        spec: { serviceName: 'a', selector, template: always },
      }),
    ),
    pool('creates a Job', post(inGroup('batch/v1', shop, 'jobs'), { metadata, spec: { template } })),
    pool(
      'creates a CronJob',
      post(inGroup('batch/v1', shop, 'cronjobs'), {
        metadata,
        spec: { schedule: '* * * * *', jobTemplate: { spec: { template } } },
      }),
    ),
    pool('creates a Service', post(core(shop, 'services'), { metadata, spec: { ports: [{ port: 80 }] } })),
    pool(
      'opens the network',
      post(inGroup('networking.k8s.io/v1', shop, 'networkpolicies'), {
        metadata,
        spec: { podSelector: {}, ingress: [{}], policyTypes: ['Ingress'] },
      }),
    ),
    pool('creates a namespace', post('/api/v1/namespaces', { metadata })),
    pool(
      'relaxes the Pod Security of a namespace',
      patch(`/api/v1/namespaces/${shop}`, {
        metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
      }),
    ),
    pool(
      'changes a definition',
      patch('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/queues.redis-queue.io', {
        metadata: { labels: { a: 'b' } },
      }),
    ),
  ];
}
