import { readFileSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';

const read = (name: string): string | undefined => process.env[name]?.trim() || undefined;
/** IPv6 addresses have brackets in a URL, and none for ioredis. */
const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/** What `REDIS_*` of the pod contract say, for a Worker or Queue of BullMQ. */
export function connection(): Redis | Cluster {
  const url = read('REDIS_URL') === undefined ? undefined : new URL(read('REDIS_URL')!);
  const username = read('REDIS_USERNAME') ?? decodeURIComponent(url?.username ?? '');
  const password = read('REDIS_PASSWORD') ?? decodeURIComponent(url?.password ?? '');
  const servername = read('REDIS_TLS_SERVER_NAME');
  const certFile = read('REDIS_TLS_CERT_FILE');
  const tls = (read('REDIS_TLS') === 'true' || url?.protocol === 'rediss:') && {
    ...(servername && { servername }),
    ...(certFile && { cert: readFileSync(certFile), key: readFileSync(read('REDIS_TLS_KEY_FILE')!) }),
  };
  const login = {
    maxRetriesPerRequest: null,
    ...(username && { username }),
    ...(password && { password }),
    ...(tls && { tls }),
  };
  const sentinels = read('REDIS_SENTINELS');
  if (sentinels !== undefined) {
    return new Redis({
      ...login,
      sentinels: sentinels.split(',').map((each) => {
        const { hostname, port } = new URL(`redis://${each.trim()}`);
        return { host: bare(hostname), port: Number(port) || 26379 };
      }),
      name: read('REDIS_SENTINEL_MASTER_NAME')!,
      ...(read('REDIS_SENTINEL_USERNAME') && { sentinelUsername: read('REDIS_SENTINEL_USERNAME')! }),
      ...(read('REDIS_SENTINEL_PASSWORD') && { sentinelPassword: read('REDIS_SENTINEL_PASSWORD')! }),
      ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    });
  }
  // no number: what Kubernetes says of a Service named redis
  const port = Number(url ? url.port : read('REDIS_PORT')) || 6379;
  const address = { host: bare(url?.hostname ?? read('REDIS_HOST')!), port };
  const db = Number(url ? url.pathname.slice(1) : read('REDIS_DB')) || 0;
  if (read('REDIS_CLUSTER') !== 'true') return new Redis({ ...login, ...address, db });
  return new Cluster([address], {
    redisOptions: login,
    dnsLookup: (host, callback) => callback(null, host), // certificates carry names
  });
}
