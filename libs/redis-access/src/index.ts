export type { PoolObject, QueueObject, SecretObject } from './objects.ts';
export { CALL_TIMEOUT_MS, CircuitBreakers, CircuitOpenError, type CircuitBreakerOptions } from './circuit-breaker.ts';
export { queueRef } from './queue-ref.ts';
export {
  describeReservedPrefix,
  resolveRedis,
  resolveRedisOfRoles,
  type RedisAccess,
  type RedisAccessReason,
  type SecretSources,
} from './resolve.ts';
export { redisSecretNamesFlag, secretNamesFlag } from './secret-names.ts';
export { secretCache, watchSecrets, type WatchedSecrets } from './watch.ts';
