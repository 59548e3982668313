import { APP_NAMES, helmPath, program } from '@redis-queue/rig';
import type { Cluster, OpenedCluster } from '@redis-queue/rig/pods';
import { startCluster } from './cluster.ts';
import { buildImage, redisImage, type BuiltImage } from './images.ts';
import type { Print } from './progress.ts';

const REGISTRY = 'localhost';
const TAG = 'dev';
const WORKER = `${REGISTRY}/redis-queue/example-worker`;

/** A cluster from processes on this machine: what runs in it can be reached without a tunnel. */
export interface OwnCluster extends OpenedCluster {
  readonly kubeconfigPath: string;
  /** Where this machine reaches NodePorts. */
  readonly nodeAddress: string;
}

export interface OwnClusterOptions {
  /** Tags that the example worker's image gets, of the same content; the first is the one that pools get. */
  workerTags?: readonly [string, ...string[]];
}

/** A cluster from processes on this machine, with the images of this working tree; the bundles have to be built. */
export async function ownCluster(name: string, print: Print, options: OwnClusterOptions = {}): Promise<OwnCluster> {
  const { workerTags = [TAG] } = options;
  const redis = await redisImage(print);
  const images = [redis];
  for (const tag of workerTags) images.push(await exampleWorkerImage(print, tag));
  for (const app of APP_NAMES) {
    images.push(await buildImage({ appDir: `apps/${app}`, reference: `${REGISTRY}/redis-queue/${app}:${TAG}`, print }));
  }
  const cluster = await startCluster({ name, node: true, print });
  await cluster.load(...images);
  const { kubeconfigPath, nodeAddress = '' } = cluster;
  return {
    ...describeOwnCluster({ name, kubeconfigPath, redis, workerTag: workerTags[0] }),
    ours: true,
    kubeconfigPath,
    nodeAddress,
    end: () => cluster.down(),
  };
}

/** The example worker's image; its bundle has to be built. */
export async function exampleWorkerImage(print: Print, tag: string = TAG): Promise<BuiltImage> {
  return await buildImage({ appDir: 'examples/worker', reference: `${WORKER}:${tag}`, nodeFlags: '', print });
}

/** A cluster from processes on this machine, as those see it who install into it. */
export function describeOwnCluster(cluster: {
  readonly name: string;
  readonly kubeconfigPath: string;
  readonly redis: BuiltImage;
  /** Of the example worker's image. */
  readonly workerTag?: string;
}): Cluster {
  const { name, kubeconfigPath, redis, workerTag = TAG } = cluster;
  return {
    description: `the cluster ${name} of processes on this machine`,
    kubectl: { program: program('kube'), args: ['kubectl', `--kubeconfig=${kubeconfigPath}`] },
    helm: { program: helmPath(), args: [`--kubeconfig=${kubeconfigPath}`] },
    killsContainers: true,
    images: {
      registry: REGISTRY,
      tag: TAG,
      redis: redis.reference,
      exampleWorker: { image: WORKER, version: workerTag },
    },
  };
}
