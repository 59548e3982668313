import {
  core,
  inGroup,
  patch,
  patchStrategic,
  pool,
  poolReads,
  post,
  remove,
  type Attempt,
  type Scene,
} from './scene.ts';

export function budgetAttempts({ shop, deployment }: Scene): Attempt[] {
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

export function podAttempts({ shop, workerPod, webPod }: Scene): Attempt[] {
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
