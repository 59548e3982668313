import { buildImage, redisImage, startCluster } from '@redis-queue/cluster';
import { helmPath, program } from '@redis-queue/testing';
import type { OpenedCluster } from './cluster.ts';
import { APPS } from './install.ts';

const REGISTRY = 'localhost';
const TAG = 'dev';
const WORKER = `${REGISTRY}/redis-queue/example-worker`;

/** A cluster from processes on this machine, with the images of this working tree; the bundles have to be built. */
export async function ownCluster(name: string, print: (line: string) => void): Promise<OpenedCluster> {
  const redis = await redisImage(print);
  const worker = await buildImage({ appDir: 'examples/worker', reference: `${WORKER}:${TAG}`, nodeFlags: '', print });
  const apps = [];
  for (const app of APPS) {
    apps.push(await buildImage({ appDir: `apps/${app}`, reference: `${REGISTRY}/redis-queue/${app}:${TAG}`, print }));
  }
  const cluster = await startCluster({ name, node: true, print });
  await cluster.load(redis, worker, ...apps);
  return {
    description: `the cluster ${name} of processes on this machine`,
    kubectl: { program: program('kube'), args: ['kubectl', `--kubeconfig=${cluster.kubeconfigPath}`] },
    helm: { program: helmPath(), args: [`--kubeconfig=${cluster.kubeconfigPath}`] },
    killsContainers: true,
    images: { registry: REGISTRY, tag: TAG, redis: redis.reference, exampleWorker: { image: WORKER, version: TAG } },
    ours: true,
    end: () => cluster.down(),
  };
}
