import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import {
  apply,
  createNamespace,
  createSite as createSimpleSite,
  deployRedis,
  forward,
  type Cluster,
} from '@redis-queue/rig/pods';
import { newPasswords, ROLE_SECRETS, userCommands, type Passwords, type RoleUser } from './role-users.ts';

/** A namespace with Redis, its Secrets and the objects of a team; the controllers live there too. */
export interface Site {
  readonly namespace: string;
  /** Whether each role has a Redis user and a Secret of its own, or all have one. */
  readonly perRole: boolean;
  /** Redis as a user reaches it by a port of this machine; it holds the password, so it is never printed. */
  readonly url: (user: RoleUser | 'default', port: number) => string;
  /** All that must never be seen. */
  readonly passwords: readonly string[];
}

/** A site where all roles use the default user: the least that a team has to set up. */
export async function createSiteWithOneUser(
  cluster: Cluster,
  namespace: string,
  labels: Record<string, string> = {},
): Promise<Site> {
  const { password } = await createSimpleSite(cluster, namespace, labels);
  return {
    namespace,
    perRole: false,
    url: (_, port) => `redis://:${password}@127.0.0.1:${port}`,
    passwords: [password],
  };
}

/** A site where each role has the user that `make redis-users` makes for it, and a Secret that names it. */
export async function createSite(
  cluster: Cluster,
  namespace: string,
  labels: Record<string, string> = {},
): Promise<Site> {
  const admin = randomBytes(16).toString('hex');
  const passwords = newPasswords();
  const url: Site['url'] = (user, port) => {
    const credentials = user === 'default' ? `:${admin}` : `${user}:${passwords[user]}`;
    return `redis://${credentials}@127.0.0.1:${port}`;
  };
  await createNamespace(cluster, namespace, labels);
  const secrets = Object.entries(ROLE_SECRETS).map(([name, user]) => {
    const credentials = { 'redis-username': user, 'redis-password': passwords[user] };
    return secret(namespace, name, { 'redis-host': `redis.${namespace}.svc`, 'redis-port': '6379', ...credentials });
  });
  await apply(cluster, [secret(namespace, 'redis-admin', { 'redis-password': admin }), ...secrets]);
  await deployRedis(cluster, namespace, 'redis-admin');
  await withRedis(cluster, { namespace, url }, 'default', async (redis) => await createUsers(redis, passwords));
  return { namespace, perRole: true, url, passwords: [admin, ...Object.values(passwords)] };
}

/** Has each role's user made in Redis. */
export async function createUsers(redis: Redis, passwords: Passwords): Promise<void> {
  for (const [command = '', ...words] of userCommands(passwords)) await redis.call(command, ...words);
}

/** Calls `use` with a connection of that user to the site's Redis. */
export async function withRedis<T>(
  cluster: Cluster,
  { namespace, url }: Pick<Site, 'namespace' | 'url'>,
  user: RoleUser | 'default',
  use: (redis: Redis) => Promise<T>,
): Promise<T> {
  const tunnel = await forward(cluster, namespace, 'service/redis', 6379);
  const redis = new Redis(url(user, tunnel.port), { commandTimeout: 10_000 });
  redis.on('error', () => undefined); // each command rejects by itself
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
    tunnel.close();
  }
}

function secret(namespace: string, name: string, stringData: Record<string, string>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData };
}
