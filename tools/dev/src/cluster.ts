import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  build,
  describeOwnCluster,
  exampleWorkerImage,
  findCluster,
  redisImage,
  startCluster,
  userCluster,
  type Print,
} from '@redis-queue/cluster';
import { run, type Cluster } from '@redis-queue/rig/pods';
import { APP_NAMES, temporaryFolder, workspaceRoot } from '@redis-queue/rig';

/** A cluster to develop against; it outlives this process. */
export interface DevCluster extends Cluster {
  /** For the controllers, whose only context is this cluster's. */
  readonly kubeconfigPath: string;
  /** Where this machine reaches NodePorts; undefined where it takes a tunnel. */
  readonly nodeAddress: string | undefined;
  /** The user's own: others may use it too. */
  readonly foreign: boolean;
}

/** As `tools/cluster/cluster` calls its cluster, so that its kubectl needs no --name. */
const NAME = 'dev';

/** The cluster `dev` of processes on this machine, started unless it runs, with the images that the example needs. */
export async function ownDevCluster(print: Print): Promise<DevCluster> {
  await buildWorkerBundle();
  const redis = await redisImage(print);
  const worker = await exampleWorkerImage(print);
  const running = findCluster(NAME);
  const cluster =
    running?.nodeAddress === undefined
      ? await build('node', print).then(() => startCluster({ name: NAME, node: true, owned: false, print }))
      : running;
  await cluster.load(redis, worker);
  const { kubeconfigPath, nodeAddress } = cluster;
  return {
    ...describeOwnCluster({ name: NAME, kubeconfigPath, redis }),
    kubeconfigPath,
    nodeAddress,
    foreign: false,
  };
}

/**
 * A cluster of the user's, with the image of the example's worker brought to it.
 * @throws when redis-queue is installed there: two controllers would act on the same objects.
 */
export async function userDevCluster(context: string, print: Print): Promise<DevCluster> {
  await refuseInstalled(context);
  await buildWorkerBundle();
  const cluster = await userCluster(context, print, []);
  return { ...cluster, kubeconfigPath: await kubeconfigOf(cluster), nodeAddress: undefined, foreign: true };
}

async function refuseInstalled(context: string): Promise<void> {
  const kubectl = { program: 'kubectl', args: [`--context=${context}`] };
  const selector = `app.kubernetes.io/part-of=redis-queue,app.kubernetes.io/name in (${APP_NAMES.join(',')})`;
  const query = ['get', 'deployments', '--all-namespaces', `--selector=${selector}`, '--output=name'];
  const installed = (await run(kubectl, query)).trim();
  if (installed === '') return;
  throw new Error(
    `redis-queue is installed in the cluster of context ${context} (${installed.replaceAll('\n', ', ')}) and would act ` +
      'on the same objects; uninstall it or use another cluster',
  );
}

/** A file with the one context alone and all that it refers to; it holds credentials and goes with this process. */
async function kubeconfigOf({ kubectl }: Cluster): Promise<string> {
  const file = join(temporaryFolder('dev'), 'kubeconfig');
  const text = await run(kubectl, ['config', 'view', '--minify', '--flatten', '--raw']);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

async function buildWorkerBundle(): Promise<void> {
  await promisify(execFile)('npx', ['nx', 'build', '@redis-queue/example-worker'], { cwd: workspaceRoot });
}
