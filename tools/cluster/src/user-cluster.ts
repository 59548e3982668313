import { execFileSync } from 'node:child_process';
import { APP_NAMES, workspaceRoot } from '@redis-queue/rig';
import { run, type Command, type OpenedCluster } from '@redis-queue/rig/pods';

/** Images that a cluster elsewhere pulls itself. */
const REDIS_IMAGE = 'docker.io/library/redis:7.4-alpine';
const TAG = 'demo';
const WORKER = 'example-worker';

/**
 * A cluster of the user's: kubectl and helm of the PATH, images built with docker and brought to the cluster by its own
 * tool (kind, k3d, minikube) or by a registry named in `IMAGE_REGISTRY`.
 *
 * @param apps the controllers whose images are brought too; the example worker's always is.
 */
export async function userCluster(
  context: string,
  progress: (line: string) => void,
  apps: readonly string[] = APP_NAMES,
): Promise<OpenedCluster> {
  const kubectl: Command = { program: 'kubectl', args: [`--context=${context}`] };
  await run(kubectl, ['version']);
  const registry = process.env.IMAGE_REGISTRY ?? 'localhost/redis-queue-demo';
  const names = [
    ...apps.map((app) => ({ dir: `apps/${app}`, name: `redis-queue/${app}` })),
    { dir: `examples/worker`, name: WORKER },
  ];
  for (const { dir, name } of names) {
    const image = `${registry}/${name}:${TAG}`;
    progress(`building ${image}`);
    docker('docker', ['build', '--quiet', `--build-arg=APP_DIR=${dir}`, `--tag=${image}`, '.']);
    bring(context, image);
  }
  return {
    description: `the cluster of context ${context}`,
    kubectl,
    helm: { program: 'helm', args: [`--kube-context=${context}`] },
    killsContainers: false,
    images: { registry, tag: TAG, redis: REDIS_IMAGE, exampleWorker: { image: `${registry}/${WORKER}`, version: TAG } },
    ours: false,
    end: () => Promise.resolve(),
  };
}

/** Builds an image with docker from a folder that has a Dockerfile of its own, and brings it to the cluster. */
export function bringFolder(context: string, folder: string, name: string): { image: string; version: string } {
  const image = `${process.env.IMAGE_REGISTRY ?? 'localhost/redis-queue-demo'}/${name}`;
  docker('docker', ['build', '--quiet', `--tag=${image}:${TAG}`, folder]);
  bring(context, `${image}:${TAG}`);
  return { image, version: TAG };
}

function bring(context: string, image: string): void {
  const [, kind] = /^kind-(.+)$/.exec(context) ?? [];
  const [, k3d] = /^k3d-(.+)$/.exec(context) ?? [];
  if (kind) docker('kind', ['load', 'docker-image', image, `--name=${kind}`]);
  else if (k3d) docker('k3d', ['image', 'import', image, `--cluster=${k3d}`]);
  else if (context === 'minikube') docker('minikube', ['image', 'load', image]);
  else if (process.env.IMAGE_REGISTRY) docker('docker', ['push', image]);
  else {
    throw new Error(
      `how do images get to ${context}? It is neither kind, k3d nor minikube: set IMAGE_REGISTRY to a registry that it pulls from`,
    );
  }
}

function docker(program: string, args: string[]): void {
  execFileSync(program, args, { cwd: workspaceRoot, stdio: ['ignore', 'ignore', 'inherit'] });
}
