import { ownCluster, userCluster } from '@redis-queue/cluster';
import { buildBundles } from '@redis-queue/rig';
import type { OpenedCluster } from '@redis-queue/rig/pods';

/**
 * Builds the bundles and opens a cluster: the user's own `context`, or one started for this, with images of this
 * working tree.
 */
export async function openCluster(
  name: string,
  context: string | undefined,
  print: (line: string) => void,
): Promise<OpenedCluster> {
  await buildBundles();
  return context ? await userCluster(context, print) : await ownCluster(name, print);
}
