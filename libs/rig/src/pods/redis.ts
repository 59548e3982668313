import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { workspaceRoot } from '../programs/binaries.ts';
import type { Cluster } from './cluster.ts';
import { run } from './command.ts';

/**
 * Redis in a pod, behind the Service `redis`, and waits until it is ready.
 *
 * @param secret whose `redis-password` the default user gets, who may do everything.
 */
export async function deployRedis(
  { kubectl, images }: Pick<Cluster, 'kubectl' | 'images'>,
  namespace: string,
  secret: string,
): Promise<void> {
  const manifest = await readFile(join(workspaceRoot, 'libs/rig/manifests/redis.yaml'), 'utf8');
  const filled = manifest.replace('REDIS_IMAGE', images.redis).replace('REDIS_SECRET', secret);
  await run(kubectl, ['apply', '-n', namespace, '-f', '-'], filled);
  await run(kubectl, ['rollout', 'status', '-n', namespace, 'deployment/redis', '--timeout=120s']);
}
