import { existsSync, globSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { eventually } from '@redis-queue/rig';
import { attempt } from './command.ts';
import { commandLine, findProcesses, killProcesses, networkNamespace, recordedDaemons } from './daemons.ts';
import { nodeNetwork, podNamespaces, removeNetwork } from './network.ts';
import { containerdSocket } from './node.ts';
import { clusterFolder, readState, removeState } from './state.ts';

/**
 * Ends everything that a cluster of this name has on the machine, whether it is whole, half started or crashed:
 * processes (of the cluster, and in its namespaces), shims, containers' cgroups, mounts, namespaces, links, files.
 * Only what is provably this cluster's is touched. Safe to repeat.
 */
export async function removeCluster(name: string): Promise<void> {
  const folder = clusterFolder(name);
  const state = readState(name);
  await killProcesses(recordedDaemons(folder).map(({ id }) => id));
  if (state?.node) {
    const network = nodeNetwork(name, state.slot);
    const pods = await podNamespaces(network);
    await killContainers(folder, [network.namespace, ...pods]);
    await unmountBelow(folder);
    await removeNetwork(network, pods);
    await removeContainerTraces(folder);
  }
  removeState(name);
}

const BUNDLES = 'containerd/state/io.containerd.runtime.v2.task/k8s.io';

/** Shims, and what runs in the containers: both outlive containerd. */
async function killContainers(folder: string, namespaces: string[]): Promise<void> {
  const socket = containerdSocket(folder);
  const shims = findProcesses((pid) => {
    const command = commandLine(pid);
    return command.includes('containerd-shim-runc-v2 ') && command.includes(` ${socket} `);
  });
  await killProcesses(shims);
  const inodes = new Set(namespaces.flatMap((each) => networkNamespace(each) ?? []));
  inodes.delete(networkNamespace(process.pid) ?? -1);
  await killProcesses(findProcesses((pid) => inodes.has(networkNamespace(pid) ?? -1)));
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`));
  for (const mount of mounts.toSorted().toReversed()) await attempt('umount', ['-l', mount]);
}

/** Ids of the containers that containerd still knows, running or not. */
export function containerIds(folder: string): string[] {
  return globSync(join(folder, BUNDLES, '*')).map((path) => basename(path));
}

/**
 * What containers leave outside the cluster's folder: shims' sockets, empty cgroups, CNI's notes of their addresses.
 */
async function removeContainerTraces(folder: string): Promise<void> {
  for (const id of containerIds(folder)) {
    for (const file of globSync(join(folder, BUNDLES, id, '{address,bootstrap.json}'))) {
      const [socket] = /\/run\/containerd\/s\/[0-9a-f]+/.exec(readFileSync(file, 'utf8')) ?? [];
      if (socket) rmSync(socket, { force: true });
    }
    for (const path of externalTraces(id)) {
      if (path.startsWith('/sys/')) await removeCgroup(path);
      else rmSync(path, { force: true });
    }
  }
}

/**
 * Removes a cgroup, a folder that only rmdir removes, with files that cannot be. It is busy while a process is in it:
 * one that was about to start when the cluster was killed has no namespace yet by which it would have been found, and
 * one that was killed takes a moment to end.
 */
async function removeCgroup(path: string): Promise<void> {
  const busy = { timeoutMs: 15_000, description: `${path} to be without a process` };
  await eventually(async () => {
    if (!existsSync(path)) return true;
    const pids = new Set(readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number));
    await killProcesses(findProcesses((pid) => pids.has(pid)));
    rmdirSync(path);
    return true;
  }, busy);
}

/** Cgroups (of version 1, a tree per controller, or 2) and CNI's notes of a container. */
export function externalTraces(id: string): string[] {
  return globSync([`/sys/fs/cgroup/{,*/}k8s.io/${id}`, `/var/lib/cni/results/*-${id}-*`]);
}
