import { installChart, type Cluster } from '@redis-queue/rig/pods';
import { SECRETS_OF_CHARTS } from './role-users.ts';
import type { Site } from './site.ts';

const UMBRELLA = 'redis-queue';

/** Installs a chart in the site's namespace; each controller may read the Secrets of its own roles only. */
export async function installSiteChart(
  cluster: Cluster,
  { namespace, perRole }: Site,
  chart: string,
  values: Record<string, string> = {},
): Promise<void> {
  if (!perRole) return installChart(cluster, namespace, chart, values);
  if (chart === UMBRELLA) return installChart(cluster, namespace, chart, values, 'examples/redis-users/values.yaml');
  const names = SECRETS_OF_CHARTS[chart];
  const permitted = names && { 'redis.secretNames': `{${names.join(',')}}` };
  await installChart(cluster, namespace, chart, { ...permitted, ...values });
}

/** Which example of the Queue fits the Secrets of the site. */
export function queueExample({ perRole }: Site): 'queue.yaml' | 'redis-users/queue.yaml' {
  return perRole ? 'redis-users/queue.yaml' : 'queue.yaml';
}
