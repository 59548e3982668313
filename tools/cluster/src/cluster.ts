import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  assembleControlPlane,
  eventually,
  freePort,
  kubectl,
  NODE_NAME,
  processStartTime,
  program,
  programFolder,
  type RedisNetwork,
} from '@redis-queue/rig';
import { run } from './command.ts';
import { daemonLauncher, recordedDaemons } from './daemons.ts';
import { pauseImage, type BuiltImage } from './images.ts';
import { removeCluster } from './leftovers.ts';
import { withLock } from './lock.ts';
import { createNetwork, enter, nodeNetwork, SERVICE_CIDR } from './network.ts';
import { containerdSocket, startNode } from './node.ts';
import { startProgress, type Print } from './progress.ts';
import { clusterFolder, clustersFolder, freeSlot, isAlive, readState, writeState, type ClusterState } from './state.ts';

export interface ClusterOptions {
  /** Clusters of different names do not see each other. */
  name: string;
  /** Run pods too; needs root. Default false: a control plane on loopback. */
  node?: boolean;
  /** Whether it belongs to this process, so that no other process replaces it while this one lives; default true. */
  owned?: boolean;
  print?: Print;
}

/** A running cluster. Its processes outlive this one: end it with `down`. */
export interface Cluster extends AsyncDisposable {
  readonly name: string;
  readonly kubeconfigPath: string;
  readonly server: string;
  /** Where the host reaches NodePorts and host ports; undefined without a node. */
  readonly nodeAddress: string | undefined;
  /** The network of its pods, for a server that both they and the host reach; undefined without a node. */
  readonly nodeNetwork: RedisNetwork | undefined;
  /** Where logs are: `logs/<component>.log`. */
  readonly folder: string;
  kubectl(...args: string[]): Promise<string>;
  /** `kubectl apply` of YAML or JSON documents. */
  apply(manifest: string): Promise<string>;
  /** Makes images available to pods; they are never pulled. */
  load(...images: BuiltImage[]): Promise<void>;
  down(): Promise<void>;
}

/**
 * Starts a new cluster of this name, first removing what an earlier one left.
 * @throws when a living process other than this owns a cluster of the name.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { name, node = false, owned = true, print = () => undefined } = options;
  const folder = clusterFolder(name);
  const pause = node ? await pauseImage(print) : undefined;
  return withClusterLock(name, print, async () => {
    refuseForeign(name);
    await removeCluster(name);
    const owner = owned ? { pid: process.pid, startTime: processStartTime(process.pid) ?? '' } : undefined;
    const state = await claimSlot({ name, node, slot: -1, ...(owner && { owner }) }, print);
    const progress = startProgress(`starting cluster ${name}`, print);
    try {
      const cluster = await bringUp(state, folder, pause);
      progress.done();
      return cluster;
    } catch (error) {
      progress.fail();
      await removeCluster(name);
      throw error;
    }
  });
}

/** The running cluster of this name; undefined when there is none, or one that is not whole. */
export function findCluster(name: string): Cluster | undefined {
  const state = readState(name);
  return state?.kubeconfigPath && deadComponents(name).length === 0 ? connect(state) : undefined;
}

/** Components that were started and do not run any more. */
export function deadComponents(name: string): string[] {
  return recordedDaemons(clusterFolder(name)).flatMap((each) => (isAlive(each.id) ? [] : [each.name]));
}

/** Ends the cluster of this name and removes all it left, whoever started it. */
export async function stopCluster(name: string, print: Print = () => undefined): Promise<void> {
  await withClusterLock(name, print, () => removeCluster(name));
}

function withClusterLock<T>(name: string, print: Print, work: () => Promise<T>): Promise<T> {
  return withLock(`${clusterFolder(name)}.lock`, print, work);
}

function refuseForeign(name: string): void {
  const owner = readState(name)?.owner;
  if (!owner || owner.pid === process.pid || !isAlive(owner)) return;
  throw new Error(
    `cluster ${name} is in use by process ${owner.pid}; choose another name, or end it: tools/cluster/cluster down --name ${name}`,
  );
}

function claimSlot(state: ClusterState, print: Print): Promise<ClusterState> {
  return withLock(join(clustersFolder(), 'slots.lock'), print, () => {
    const claimed = { ...state, slot: freeSlot() };
    writeState(claimed);
    return Promise.resolve(claimed);
  });
}

async function bringUp(state: ClusterState, folder: string, pause: BuiltImage | undefined): Promise<Cluster> {
  const network = state.node ? nodeNetwork(state.name, state.slot) : undefined;
  if (network) await createNetwork(network);
  const address = network?.nodeAddress ?? '127.0.0.1';
  const controlPlaneFolder = join(folder, 'control-plane');
  mkdirSync(controlPlaneFolder, { recursive: true });
  const assembly = await assembleControlPlane({
    folder: controlPlaneFolder,
    address,
    // Pods come in over the bridge, CoreDNS and kubelet over the node's own address.
    bindAddress: network ? '0.0.0.0' : '127.0.0.1',
    advertiseAddress: network ? address : '203.0.113.1',
    port: network ? 6443 : await freePort(),
    etcdPort: network ? 2379 : await freePort(),
    serviceCidr: SERVICE_CIDR,
  });
  // containerd takes its shim from PATH, and one of another version fails with "type with url … not found": ours first.
  const path = [...(network ? [programFolder('containerd')] : []), process.env.PATH, '/usr/sbin', '/sbin'].join(':');
  const env = { PATH: path, HOME: folder };
  const launch = daemonLauncher(folder, network ? enter(network) : [], env);
  assembly.startEtcd(launch);
  await assembly.startApiServer(launch);
  assembly.startControllerManager(launch);
  if (network) {
    assembly.startScheduler(launch);
    await startNode(folder, network, assembly, launch);
  }
  const { kubeconfigPath, server } = assembly;
  const ready: ClusterState = { ...state, kubeconfigPath, server };
  const cluster = connect(ready);
  if (network) await nodeReady(cluster);
  if (pause) await cluster.load(pause);
  // Last: whoever finds this file finds a complete cluster.
  writeState(ready);
  return cluster;
}

async function nodeReady(cluster: Cluster): Promise<void> {
  const wait = ['wait', `node/${NODE_NAME}`, '--for=condition=Ready', '--timeout=180s'];
  await eventually(() => cluster.kubectl('get', 'node', NODE_NAME), { timeoutMs: 60_000, intervalMs: 200 });
  await cluster.kubectl(...wait);
  // Pods are refused until their namespace's ServiceAccount exists.
  const account = ['get', 'serviceaccount', 'default', '-n', 'default'];
  await eventually(() => cluster.kubectl(...account), { timeoutMs: 30_000, intervalMs: 200 });
}

function connect(state: ClusterState): Cluster {
  const { name, kubeconfigPath = '', server = '' } = state;
  const folder = clusterFolder(name);
  const down = (): Promise<void> => stopCluster(name);
  const network = state.node ? nodeNetwork(name, state.slot) : undefined;
  return {
    name,
    kubeconfigPath,
    server,
    folder,
    nodeAddress: network?.nodeAddress,
    nodeNetwork: network && { address: network.nodeAddress, enter: enter(network) },
    kubectl: (...args) => kubectl(kubeconfigPath, args),
    apply: (manifest) => kubectl(kubeconfigPath, ['apply', '-f', '-'], manifest),
    load: async (...images) => {
      for (const { archive } of images) await importImage(folder, archive);
    },
    down,
    [Symbol.asyncDispose]: down,
  };
}

/** Imports a docker-archive into the node's containerd. */
export async function importImage(folder: string, archive: string): Promise<void> {
  const ctr = program('containerd', 'ctr');
  // Unpacking before the first container starts keeps it out of the first pod's start time.
  await run(ctr, ['-a', containerdSocket(folder), '-n', 'k8s.io', 'images', 'import', archive]);
}
