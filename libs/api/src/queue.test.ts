import { describe, expect, test } from 'vitest';
import { API_VERSION } from './meta.ts';
import { queueName, queuePrefix, redisSecretName, type Queue, type QueueSpec } from './queue.ts';

const queue = (spec: QueueSpec): Queue => ({
  apiVersion: API_VERSION,
  kind: 'Queue',
  metadata: { name: 'emails', namespace: 'shop' },
  spec,
});

describe('what a Queue leaves out', () => {
  test('is named in Redis as the object, in the prefix bull, reached by redis-credentials', () => {
    const bare = queue({});
    expect([queueName(bare), queuePrefix(bare), redisSecretName(bare)]).toEqual([
      'emails',
      'bull',
      'redis-credentials',
    ]);
  });

  test('gives way to what is written', () => {
    const full = queue({ name: 'mail', redis: { prefix: 'shop', secretRef: { name: 'redis-shop' } } });
    expect([queueName(full), queuePrefix(full), redisSecretName(full)]).toEqual(['mail', 'shop', 'redis-shop']);
  });
});
