import { describe, expect, it } from 'vitest';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { buildTopology, type ClusterView } from './topology.ts';

const URL = 'redis://user:s3cret@redis:6379';

function cluster(over: Partial<ClusterView> = {}): ClusterView {
  return {
    pools: [aPool('workers', ['emails'])],
    queue: (_namespace, name) => aQueue(name),
    secrets: secretSources(() => aSecret(URL)),
    ...over,
  };
}

describe('the topology', () => {
  it('finds a pool’s queues in the Redis of their Secret', () => {
    const { pools, queues, targets } = buildTopology(cluster());
    const [queue] = queues.values();
    expect(queue).toMatchObject({
      ref: { prefix: 'bull', name: 'emails' },
      pools: ['team/workers'],
      waitTargetMs: 5_000,
    });
    expect(pools.get('team/workers')).toMatchObject({ queues: [{ queue: 'emails', id: queue!.id }] });
    expect(targets.size).toBe(1);
  });

  it('knows all pools that share a queue, those of a fixed size too', () => {
    const fixed = {
      ...aPool('fixed', ['emails']),
      spec: { ...aPool('fixed', ['emails']).spec, replicas: 20, autoscaling: undefined },
    } as never;
    const many = aPool('many', ['emails'], { maxReplicas: 15 });
    const { pools, queues, consumers } = buildTopology(cluster({ pools: [many, fixed] }));
    const [id] = queues.keys();
    expect(consumers.get(id!)).toMatchObject([
      { key: 'team/many', maxReplicas: 15 },
      { key: 'team/fixed', maxReplicas: 20 },
    ]);
    expect([...pools.keys()]).toEqual(['team/many']);
    expect(buildTopology(cluster()).consumers.size).toBe(0);
  });

  it('names a queue that does not exist, and goes on with the others', () => {
    const { pools, queues } = buildTopology(
      cluster({
        pools: [aPool('workers', ['gone', 'emails'])],
        queue: (_, name) => (name === 'gone' ? undefined : aQueue(name)),
      }),
    );
    expect(pools.get('team/workers')!.queues).toMatchObject([
      { queue: 'gone', unseen: 'QueueMissing', message: 'Queue gone does not exist in namespace team' },
      { queue: 'emails' },
    ]);
    expect(queues.size).toBe(1);
  });

  it.each([
    [
      'names the Helm value for a Secret that is not permitted',
      { secrets: secretSources(() => aSecret(URL), []) },
      'Helm value redis.secretNames',
    ],
    [
      'names a Secret that does not exist',
      { secrets: secretSources(() => undefined) },
      'Secret team/redis-credentials does not exist',
    ],
    [
      'says what is wrong with a Secret, without its content',
      { secrets: secretSources(() => aSecret('http://s3cret')) },
      'Secret team/redis-credentials: ',
    ],
  ])('%s', (_, over, message) => {
    const [queue] = buildTopology(cluster(over)).pools.get('team/workers')!.queues;
    expect(queue).toMatchObject({ unseen: 'SensorFailed', message: expect.stringContaining(message) });
    expect(JSON.stringify(queue)).not.toContain('s3cret');
  });

  it('reads a queue with the credentials of the sampler, and by the name that it has in Redis', () => {
    const secretRefs = { sampler: { name: 'readers' }, worker: { name: 'workers' } };
    const { queues, targets } = buildTopology(
      cluster({
        queue: (_, name) => aQueue(name, { name: 'mail', redis: { secretRefs, prefix: 'jobs' } }),
        secrets: secretSources((name) => aSecret(`redis://${name}`, name), ['readers', 'workers']),
      }),
    );
    expect([...targets.values()]).toEqual([{ target: { host: 'readers', port: 6379 }, namespace: 'team' }]);
    expect([...queues.values()]).toMatchObject([{ ref: { prefix: 'jobs', name: 'mail' } }]);
  });

  it('leaves pools alone that are being deleted or not autoscaled', () => {
    const deleted = aPool('deleted', ['emails']);
    deleted.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    const off = aPool('off', ['emails'], { enabled: false });
    expect(buildTopology(cluster({ pools: [deleted, off] }))).toMatchObject({ pools: new Map(), queues: new Map() });
  });
});
