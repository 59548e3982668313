import { findCluster, pythonWorkerImage } from '@redis-queue/cluster';
import { bringFolder } from '@redis-queue/cluster';

const FOLDER = 'examples/python-worker';
const NAME = 'example-python-worker';
const VERSION = 'dev';

/**
 * Brings the image of the Python example to the cluster of the end-to-end tests; only the tests that use it pay for it.
 */
export async function bringPythonWorker(print: (line: string) => void): Promise<{ image: string; version: string }> {
  const context = process.env.KUBE_CONTEXT;
  if (context) return bringFolder(context, FOLDER, NAME);
  const image = `localhost/redis-queue/${NAME}`;
  const built = await pythonWorkerImage(FOLDER, `${image}:${VERSION}`, print);
  const cluster = findCluster('e2e');
  if (!cluster) throw new Error('no cluster named e2e runs; its global setup starts it');
  await cluster.load(built);
  return { image, version: VERSION };
}
