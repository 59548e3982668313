import {
  attemptBy,
  core,
  deployments,
  inGroup,
  ours,
  patch,
  pool,
  post,
  remove,
  type Attempt,
  type Scene,
} from './scene.ts';

/** As a schedule would create one, of that schedule or of none. */
const stolen = (schedule?: string): object => ({
  apiVersion: 'redis-queue.io/v1',
  kind: 'QueueBackup',
  metadata: { name: 'stolen-1', ...(schedule && { labels: { 'redis-queue.io/backup-schedule': schedule } }) },
  spec: { queues: { names: ['emails'] }, storage: { volume: {} } },
});

const OFTEN = { 'redis-queue.io/backup-schedule': 'often' };
/** As a schedule would create a drill, but for what is given. */
const stolenDrill = (spec: object, metadata: object = { labels: OFTEN }): object => ({
  apiVersion: 'redis-queue.io/v1',
  kind: 'QueueRestore',
  metadata: { name: 'often-1-drill', ...metadata },
  spec: { from: { backup: { name: 'often-1' } }, scratch: {}, ...spec },
});
/** Of a schedule that is none of that name. */
const OWNERS = [
  { apiVersion: 'redis-queue.io/v1', kind: 'QueueBackupSchedule', name: 'often', uid: 'x', controller: true },
];

export function kindAttempts({ shop, release }: Scene): Attempt[] {
  const queue = attemptBy('queue-controller');
  const autoscaler = attemptBy('autoscaler');
  const uninstall = attemptBy('uninstall');
  const backup = attemptBy('backup-controller');
  const emails = ours(shop, 'queues', 'emails');
  const again = ours(shop, 'queueredrives', 'again');
  const workers = ours(shop, 'workerpools', 'workers');
  const nightly = ours(shop, 'queuebackups', 'nightly');
  const back = ours(shop, 'queuerestores', 'back');
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
    queue("removes somebody else's finalizer", patch(emails, { metadata: { finalizers: null } })),
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
    queue('has a QueueRedrive go on', patch(again, { spec: { suspend: false } })),
    queue('labels a QueueRedrive', patch(again, { metadata: { labels: { a: 'b' } } })),
    queue('deletes a QueueRedrive that has not ended', remove(again)),
    queue(
      'creates a QueueRedrive',
      post(ours(shop, 'queueredrives'), {
        apiVersion: 'redis-queue.io/v1',
        kind: 'QueueRedrive',
        metadata: { name: 'stolen' },
        spec: { queueRef: { name: 'emails' } },
      }),
    ),
    queue('writes the status of a WorkerPool', patch(`${workers}/status`, status)),
    queue('changes a WorkerPool', patch(workers, { spec: { image: 'evil' } })),
    queue('resizes a WorkerPool', patch(`${workers}/scale`, { spec: { replicas: 100 } })),
    queue('writes a Deployment', patch(deployments(shop, 'workers'), { spec: { replicas: 0 } })),
    uninstall('changes the spec of a Queue', patch(emails, { spec: { paused: true } })),
    uninstall('labels a Queue', patch(emails, { metadata: { labels: { a: 'b' } } })),
    uninstall(
      'has a queue taken over',
      patch(emails, { metadata: { annotations: { 'redis-queue.io/take-over': 'true' } } }),
    ),
    uninstall(
      'adds a finalizer',
      patch(emails, { metadata: { finalizers: ['example.com/wait', 'redis-queue.io/queue-data'] } }),
    ),
    uninstall("removes somebody else's finalizer", patch(emails, { metadata: { finalizers: null } })),
    uninstall('writes the status of a Queue', patch(`${emails}/status`, status)),
    uninstall('deletes a Queue', remove(emails)),
    uninstall('deletes all Queues', remove(ours(shop, 'queues'))),
    uninstall('has a QueueRedrive go on', patch(again, { spec: { suspend: false } })),
    uninstall('changes a WorkerPool', patch(workers, { spec: { image: 'evil' } })),
    uninstall('writes a Deployment', patch(deployments(shop, 'workers'), { spec: { replicas: 0 } })),
    ...[deployments(shop, 'workers'), deployments(release), deployments(release, 'rq-workerpool-controller')].map(
      (path) => attemptBy('uninstall', true)(`reads ${path}`, { method: 'GET', path }),
    ),
    pool('changes the spec of a WorkerPool', patch(workers, { spec: { image: 'evil' } })),
    pool('resizes a WorkerPool', patch(`${workers}/scale`, { spec: { replicas: 100 } })),
    pool('labels a WorkerPool', patch(workers, { metadata: { labels: { a: 'b' } } })),
    pool('deletes a WorkerPool', remove(workers)),
    pool('writes the status of a QueueRedrive', patch(`${again}/status`, status)),
    pool('writes the status of a Queue', patch(`${emails}/status`, status)),
    pool('changes the spec of a Queue', patch(emails, { spec: { paused: true } })),
    autoscaler('resizes a WorkerPool', patch(`${workers}/scale`, { spec: { replicas: 100 } })),
    autoscaler('writes the status of a WorkerPool', patch(`${workers}/status`, status)),
    autoscaler('writes the status of a Queue', patch(`${emails}/status`, status)),
    autoscaler('changes the spec of a Queue', patch(emails, { spec: { paused: true } })),
    autoscaler('resizes a Deployment', patch(deployments(shop, 'workers'), { spec: { replicas: 0 } })),
    backup('labels a QueueBackup', patch(nightly, { metadata: { labels: { a: 'b' } } })),
    backup('has the storage of a QueueBackup cleared', patch(nightly, { spec: { deletionPolicy: 'Delete' } })),
    backup('deletes a QueueBackup that has not ended', remove(nightly)),
    backup('creates a QueueBackup of no schedule', post(ours(shop, 'queuebackups'), stolen())),
    backup(
      'creates a QueueBackup with a name that its schedule does not give',
      post(ours(shop, 'queuebackups'), stolen('often')),
    ),
    backup(
      'suspends a QueueBackupSchedule',
      patch(ours(shop, 'queuebackupschedules', 'often'), { spec: { suspend: true } }),
    ),
    backup('deletes a QueueBackupSchedule', remove(ours(shop, 'queuebackupschedules', 'often'))),
    backup('labels a QueueRestore', patch(back, { metadata: { labels: { a: 'b' } } })),
    backup('has a QueueRestore resume', patch(back, { spec: { resume: true } })),
    backup('deletes a QueueRestore that has not ended', remove(back)),
    backup(
      'creates a QueueRestore',
      post(ours(shop, 'queuerestores'), {
        apiVersion: 'redis-queue.io/v1',
        kind: 'QueueRestore',
        metadata: { name: 'stolen' },
        spec: { from: { backup: { name: 'nightly' } } },
      }),
    ),
    backup('creates a drill that no schedule owns', post(ours(shop, 'queuerestores'), stolenDrill({}))),
    backup(
      'creates a drill that writes into queues',
      post(
        ours(shop, 'queuerestores'),
        stolenDrill({ scratch: undefined }, { labels: OFTEN, ownerReferences: OWNERS }),
      ),
    ),
    backup(
      'creates a drill of a backup that lies elsewhere',
      post(
        ours(shop, 'queuerestores'),
        stolenDrill({ from: { storage: { volume: {} }, directory: 'a' } }, { labels: OFTEN, ownerReferences: OWNERS }),
      ),
    ),
    backup(
      'creates a drill of another name',
      post(ours(shop, 'queuerestores'), stolenDrill({}, { name: 'drill', labels: OFTEN, ownerReferences: OWNERS })),
    ),
    backup('writes the status of a Queue', patch(`${emails}/status`, status)),
    backup('changes the spec of a Queue', patch(emails, { spec: { paused: true } })),
    queue('writes the status of a QueueBackup', patch(`${nightly}/status`, status)),
    autoscaler('annotates a Deployment', patch(deployments(shop, 'web'), { metadata: { annotations: { a: 'b' } } })),
  ];
}

const lease = (namespace: string, name?: string): string =>
  inGroup('coordination.k8s.io/v1', namespace, 'leases', name);

export function leaseAndEventAttempts({ shop, release, webPod }: Scene): Attempt[] {
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
    pool('takes the Lease of the queue-controller', patch(lease(release, 'rq-queue-controller'), held)),
    pool('creates a Lease of another name', post(lease(release), newLease('stolen'))),
    attemptBy('uninstall')(
      'takes the Lease of the queue-controller',
      patch(lease(release, 'rq-queue-controller'), held),
    ),
    attemptBy('uninstall')(
      'speaks as the queue-controller',
      post(core(shop, 'events'), event('WorkerPool', 'redis-queue.io/v1', 'queue-controller')),
    ),
    pool('takes a Lease of Kubernetes', patch(lease('kube-system', 'kube-scheduler'), held)),
    pool('creates a Lease of its name elsewhere', post(lease(shop), newLease('rq-workerpool-controller'))),
    pool('deletes its Lease', remove(lease(release, 'rq-workerpool-controller'))),
    attemptBy('queue-controller')('takes the Lease of the autoscaler', patch(lease(release, 'rq-autoscaler'), held)),
    attemptBy('autoscaler')(
      'takes the Lease of the queue-controller',
      patch(lease(release, 'rq-queue-controller'), held),
    ),
    pool('tells of a pod', post(core(shop, 'events'), event('Pod', 'v1', 'workerpool-controller'))),
    pool('speaks as the kubelet', post(core(shop, 'events'), event('WorkerPool', 'redis-queue.io/v1', 'kubelet'))),
    pool('changes the event of another', patch(core(shop, 'events', 'kubelet.1'), { message: 'all is well' })),
    pool('deletes an event', remove(core(shop, 'events', 'kubelet.1'))),
  ];
}
