export type { PoolObject, QueueObject, SecretObject } from './objects.ts';
export { callRedis, type RedisCall, type RedisClients } from './call-redis.ts';
export {
  CircuitBreakers,
  CircuitOpenError,
  type CircuitBreakerOptions,
  type CircuitObserver,
} from './circuit-breaker.ts';
export { Coalescer, type CoalescerOptions } from './coalescer.ts';
export { describeMissingHashTag } from './hash-tag.ts';
export { queueRef } from './queue-ref.ts';
export { describeOtherRedis, reportedAddress } from './reported-address.ts';
export {
  describeReservedPrefix,
  resolveRedis,
  resolveRedisOfRoles,
  resolveRedisSecret,
  type RedisAccess,
  type RedisAccessReason,
  type SecretSources,
} from './resolve.ts';
export { readCertificateSecret, readSecret, type CertificateSecret } from './read-secret.ts';
export { redisSecretNamesFlag, secretNamesFlag } from './secret-names.ts';
export { secretCache, watchSecrets, type WatchedSecrets } from './watch.ts';
