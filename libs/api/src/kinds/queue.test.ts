import { describe, expect, test } from 'vitest';
import { API_VERSION } from './meta.ts';
import { queueName, queuePrefix, REDIS_ROLES, redisSecretRef, type Queue, type QueueSpec } from './queue.ts';

const queue = (spec: QueueSpec): Queue => ({
  apiVersion: API_VERSION,
  kind: 'Queue',
  metadata: { name: 'emails', namespace: 'shop' },
  spec,
});

describe('what a Queue leaves out', () => {
  test('is named in Redis as the object, in the prefix bull, reached by redis-credentials', () => {
    const bare = queue({});
    expect([queueName(bare), queuePrefix(bare), redisSecretRef(bare, 'controller').name]).toEqual([
      'emails',
      'bull',
      'redis-credentials',
    ]);
  });

  test('gives way to what is written', () => {
    const full = queue({ name: 'mail', redis: { prefix: 'shop', secretRef: { name: 'redis-shop' } } });
    expect([queueName(full), queuePrefix(full), redisSecretRef(full, 'controller').name]).toEqual([
      'mail',
      'shop',
      'redis-shop',
    ]);
  });
});

describe('the Secret of a role', () => {
  test("is the role's own, then everybody's, and says which field names it", () => {
    const own = queue({
      redis: { secretRef: { name: 'redis-shop' }, secretRefs: { sampler: { name: 'redis-read' } } },
    });
    expect(redisSecretRef(own, 'sampler')).toEqual({ name: 'redis-read', field: 'spec.redis.secretRefs.sampler' });
    expect(redisSecretRef(own, 'worker')).toEqual({ name: 'redis-shop', field: 'spec.redis.secretRef' });
  });

  test('is the default for every role of a Queue that names none for it', () => {
    const other = queue({ redis: { secretRefs: {} } });
    for (const role of REDIS_ROLES) expect(redisSecretRef(other, role)).toEqual({ name: 'redis-credentials' });
  });
});
