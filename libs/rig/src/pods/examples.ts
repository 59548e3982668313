import { join } from 'node:path';
import { workspaceRoot } from '../programs/binaries.ts';
import type { Cluster } from './cluster.ts';
import { run } from './command.ts';

/**
 * The examples as a user applies them, with the pool's image replaced by the one that the cluster has.
 *
 * @param queue the example of the Queue: with one Redis user for all, or with a user per role.
 */
export async function applyExamples(
  { kubectl, images }: Cluster,
  namespace: string,
  pool: object = {},
  queue: 'queue.yaml' | 'redis-users/queue.yaml' = 'queue.yaml',
): Promise<void> {
  await run(kubectl, ['apply', '-n', namespace, '-f', example(queue)]);
  const { image, version } = images.exampleWorker;
  const patch = JSON.stringify({ spec: { image, version, ...pool } });
  const patched = ['patch', '--local', '-f', example('workerpool.yaml'), '--type=merge', '-p', patch, '-o', 'json'];
  await run(kubectl, ['apply', '-n', namespace, '-f', '-'], await run(kubectl, patched));
}

function example(name: string): string {
  return join(workspaceRoot, 'examples', name);
}
