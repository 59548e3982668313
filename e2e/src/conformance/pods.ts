import { randomBytes } from 'node:crypto';
import type { BuiltImage, Cluster } from '@redis-queue/cluster';
import { eventually, processStartTime, program, startRedis, type RedisServer } from '@redis-queue/rig';
import { apply, createNamespace, mainProcessOfPod, processesOfPod } from '@redis-queue/rig/pods';
import { openPodApi, type PodApi, type StoredPod } from './pod-api.ts';
import { templateOf } from './pod-template.ts';
import { REDIS_ARGS, type Pod, type PodRequest, type PodRuntime, type PodSite } from './runtime.ts';

/** RQ_HTTP_PORT of a pod. */
const HTTP_PORT = 9100;
const START_MS = 60_000;
const END_MS = 10_000;
const LOOK_EVERY_MS = 100;
/** The kubelet looks at its containers once per second. */
const DELAY_MS = 3_000;

export interface ClusterRuntime extends PodRuntime, AsyncDisposable {}

export interface ClusterRuntimeOptions {
  /** Whose images are loaded, and whose node is this machine. */
  readonly cluster: Cluster;
  /** Created, under the restricted Pod Security standard; who ends the cluster or the namespace ends what is in it. */
  readonly namespace: string;
  readonly labels?: Record<string, string>;
  /** Already loaded. */
  readonly image: Pick<BuiltImage, 'reference'>;
}

/** Pods as the workerpool controller makes them, on a cluster of this machine. */
export async function openClusterRuntime(options: ClusterRuntimeOptions): Promise<ClusterRuntime> {
  const { cluster, namespace, labels } = options;
  if (!cluster.nodeNetwork) throw new Error(`cluster ${cluster.name} runs no pods; start it with a node`);
  const kubectl = {
    program: program('kube'),
    args: ['kubectl', `--kubeconfig=${cluster.kubeconfigPath}`, '--request-timeout=30s'],
  };
  await createNamespace({ kubectl }, namespace, labels);
  const account = ['get', 'serviceaccount', 'default', '-n', namespace];
  await eventually(() => cluster.kubectl(...account), {
    timeoutMs: START_MS,
    description: 'a ServiceAccount for pods',
  });
  const api = await openPodApi(cluster.kubeconfigPath, namespace);
  let sites = 0;
  return {
    openSite: async () => {
      const row = `row-${++sites}`;
      const password = randomBytes(16).toString('hex');
      const redis = await startRedis({ args: REDIS_ARGS, password, network: cluster.nodeNetwork! });
      const metadata = { name: row, namespace };
      await apply({ kubectl }, [
        { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'redis-url': redis.url } },
      ]);
      return siteOf(options, api, row, redis);
    },
    [Symbol.asyncDispose]: async () => await api.close(),
  };
}

function siteOf({ namespace, image }: ClusterRuntimeOptions, api: PodApi, row: string, redis: RedisServer): PodSite {
  const names: string[] = [];
  const start = async (request: PodRequest): Promise<Pod> => {
    const name = `${row}-${request.name}`;
    names.push(name);
    const template = templateOf(image.reference, namespace, row, request);
    const containers = template.spec.containers.map((each) => ({ ...each, imagePullPolicy: 'IfNotPresent' }));
    const restartPolicy = request.restarts ? 'Always' : 'Never';
    await api.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...template.metadata, name, namespace },
      spec: { ...template.spec, containers, restartPolicy },
    });
    return podOf(api, namespace, name, await mainProcess(api, namespace, name));
  };
  const close = async (): Promise<void> => {
    try {
      await Promise.all(names.map(async (name) => await api.remove(name, 0)));
      for (const pid of names.flatMap((name) => processesOfPod(namespace, name))) signal(pid, 'SIGKILL');
    } finally {
      await redis.stop();
    }
  };
  return { namespace, redis, delayMs: DELAY_MS, start, close };
}

interface ProcessId {
  readonly pid: number;
  readonly startTime: string | undefined;
}

function podOf(api: PodApi, namespace: string, name: string, main: ProcessId): Pod {
  let deleted = false;
  const isGone = ({ pid, startTime }: ProcessId): boolean => processStartTime(pid) !== startTime;
  return {
    name,
    get: async (path) => await api.ask(name, HTTP_PORT, path),
    terminate: async () => {
      // The kubelet sends one SIGTERM per container, whatever comes after the deletion: a second one is the node's.
      if (deleted) signal(main.pid, 'SIGTERM');
      else await api.remove(name);
      deleted = true;
    },
    kill: async () => {
      const killed = processesOfPod(namespace, name).map(idOf);
      if (killed.length === 0) throw new Error(`pod ${name} has no process that could be killed: it has ended`);
      for (const { pid } of killed) signal(pid, 'SIGKILL');
      const gone = (): boolean => killed.every(isGone);
      await eventually(gone, { timeoutMs: END_MS, description: `killed processes of pod ${name} to end` });
    },
    ended: () => Promise.resolve(isGone(main)),
  };
}

/** Waits until the pod's container runs. */
async function mainProcess(api: PodApi, namespace: string, name: string): Promise<ProcessId> {
  const endMs = performance.now() + START_MS;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- this is the loop that waits
    const pod = await api.read(name);
    const pid = mainProcessOfPod(namespace, name);
    if (isRunning(pod) && pid !== undefined) return idOf(pid);
    const reason = failureOf(pod);
    // oxlint-disable-next-line no-await-in-loop
    if (reason !== undefined) throw new Error(`pod ${name} does not run: ${reason} ${await api.log(name)}`.trim());
    if (performance.now() > endMs) throw new Error(`pod ${name} does not run after ${START_MS / 1000} s`);
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function isRunning(pod: StoredPod | undefined): boolean {
  return pod?.status?.containerStatuses?.[0]?.state?.running !== undefined;
}

/** Why its container cannot run, where waiting does not help; undefined while it may. */
function failureOf(pod: StoredPod | undefined): string | undefined {
  if (!pod) return 'it was deleted';
  const { waiting, terminated } = pod.status?.containerStatuses?.[0]?.state ?? {};
  if (terminated) return `its container ended with ${terminated.exitCode}`;
  const hopeless = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'CrashLoopBackOff'];
  const unpulled = ['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName'];
  if (!waiting?.reason || ![...hopeless, ...unpulled].includes(waiting.reason)) return undefined;
  return `${waiting.reason}: ${waiting.message ?? ''}`;
}

function idOf(pid: number): ProcessId {
  return { pid, startTime: processStartTime(pid) };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has ended meanwhile
  }
}
