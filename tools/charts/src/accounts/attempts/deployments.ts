import {
  deploymentOf,
  deployments,
  patch,
  patchStrategic,
  pool,
  post,
  remove,
  type Attempt,
  type Manifest,
  type Scene,
} from './scene.ts';

export function deploymentAttempts(scene: Scene): Attempt[] {
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
