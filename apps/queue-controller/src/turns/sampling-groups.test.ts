import { describeTarget } from '@redis-queue/bullmq';
import { resolveRedisOfRoles, type QueueObject, type SecretSources } from '@redis-queue/redis-access';
import { expect, it } from 'vitest';
import { samplingGroups } from './sampling-groups.ts';
import { queueObject } from '../testing/queues.ts';

const secrets: SecretSources = {
  reader: 'queue-controller',
  permittedSecrets: new Set(['redis-credentials', 'a', 'b', 'c']),
  secret: ({ namespace, name }) => {
    if (namespace === 'none') return undefined;
    const host = name === 'redis-credentials' ? 'shared' : `${namespace}-${name}`;
    return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, data: { 'redis-host': btoa(host) } };
  },
};
const queue = (namespace: string, name: string): QueueObject =>
  queueObject({ redis: { secretRef: { name } } }, { namespace, name, uid: `${namespace}/${name}` });

it('a Redis that several namespaces share counts for the one that has the fewest', () => {
  const bad = ['redis-credentials', 'a', 'b', 'c'].map((name) => queue('bad', name));
  const problems: string[] = [];
  const queues = [...bad, queue('good', 'redis-credentials'), queue('none', 'redis-credentials')];
  const groups = samplingGroups(
    queues,
    (each) => resolveRedisOfRoles(each, ['sampler', 'controller'], secrets),
    ({ metadata }, { reason }) => problems.push(`${metadata.namespace} ${reason}`),
  );
  expect(
    groups.map(({ namespace, target, queues: { length } }) => [describeTarget(target), namespace, length]),
  ).toEqual([
    ['shared:6379', 'good', 2],
    ['bad-a:6379', 'bad', 1],
    ['bad-b:6379', 'bad', 1],
    ['bad-c:6379', 'bad', 1],
  ]);
  expect(problems).toEqual(['none SecretNotFound']);
});
