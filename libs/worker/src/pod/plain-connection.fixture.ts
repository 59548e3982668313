import { Cluster, Redis } from 'ioredis';

const env = process.env;

/** What `REDIS_*` of the pod contract say, for a Worker or Queue of BullMQ. */
export function connection(): Redis | Cluster {
  const tls = env.REDIS_TLS === 'true' && {
    ...(env.REDIS_TLS_SERVER_NAME && { servername: env.REDIS_TLS_SERVER_NAME }),
  };
  const login = {
    maxRetriesPerRequest: null,
    ...(env.REDIS_USERNAME && { username: env.REDIS_USERNAME }),
    ...(env.REDIS_PASSWORD && { password: env.REDIS_PASSWORD }),
    ...(tls && { tls }),
  };
  if (env.REDIS_SENTINELS) {
    return new Redis({
      ...login,
      sentinels: env.REDIS_SENTINELS.split(',').map((each) => {
        const [host, port = '26379'] = each.trim().split(':');
        return { host: host!, port: Number(port) };
      }),
      name: env.REDIS_SENTINEL_MASTER_NAME!,
      ...(env.REDIS_SENTINEL_USERNAME && { sentinelUsername: env.REDIS_SENTINEL_USERNAME }),
      ...(env.REDIS_SENTINEL_PASSWORD && { sentinelPassword: env.REDIS_SENTINEL_PASSWORD }),
      ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    });
  }
  if (env.REDIS_URL && env.REDIS_CLUSTER !== 'true') return new Redis(env.REDIS_URL, login);
  const { hostname, port } = new URL(env.REDIS_URL ?? `redis://${env.REDIS_HOST}:${env.REDIS_PORT ?? 6379}`);
  const address = { host: hostname, port: Number(port || 6379) };
  if (env.REDIS_CLUSTER !== 'true') return new Redis({ ...login, ...address, db: Number(env.REDIS_DB ?? 0) });
  return new Cluster([address], {
    redisOptions: login,
    dnsLookup: (host, callback) => callback(null, host), // certificates carry names
  });
}
