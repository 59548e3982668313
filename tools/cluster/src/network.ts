import { attempt, run } from './command.ts';

export const SERVICE_CIDR = '10.96.0.0/16';
export const POD_CIDR = '10.244.0.0/24';

/**
 * A node's network: a namespace of its own with one veth pair to the host. Pod and service addresses exist only inside
 * it, so that every cluster can use the same ones; host addresses and link names come from the cluster's slot.
 */
export interface NodeNetwork {
  namespace: string;
  /** The host's end of the pair; names of links have at most 15 characters. */
  hostLink: string;
  nodeLink: string;
  hostAddress: string;
  nodeAddress: string;
}

export function nodeNetwork(name: string, slot: number): NodeNetwork {
  return {
    namespace: `redis-queue-${name}`,
    hostLink: `rq${slot}-host`,
    nodeLink: `rq${slot}-node`,
    hostAddress: `10.250.${slot}.2`,
    nodeAddress: `10.250.${slot}.1`,
  };
}

/**
 * Command prefix that enters the namespace. Not `ip netns exec`: that remounts /sys, and the kubelet then fails with
 * "failed to find cgroup mounts".
 */
export function enter({ namespace }: NodeNetwork): string[] {
  return ['nsenter', `--net=/run/netns/${namespace}`];
}

export async function createNetwork(network: NodeNetwork): Promise<void> {
  const { namespace, hostLink, nodeLink, hostAddress, nodeAddress } = network;
  await run('ip', ['netns', 'add', namespace]);
  // veth and bridge: not every kernel has dummy links.
  await run('ip', ['link', 'add', hostLink, 'type', 'veth', 'peer', 'name', nodeLink, 'netns', namespace]);
  await run('ip', ['addr', 'add', `${hostAddress}/30`, 'dev', hostLink]);
  await run('ip', ['link', 'set', hostLink, 'up']);
  const inside = (...args: string[]): Promise<string> => run('ip', ['-n', namespace, ...args]);
  await inside('link', 'set', 'lo', 'up');
  await inside('addr', 'add', `${nodeAddress}/30`, 'dev', nodeLink);
  await inside('link', 'set', nodeLink, 'up');
  // Service addresses need some route for kube-proxy to turn them round; there is no default one, so that nothing
  // leaves for other networks.
  await inside('route', 'add', SERVICE_CIDR, 'via', hostAddress);
}

/** Names of the network namespaces of the pods that are attached to this node. */
export async function podNamespaces({ namespace }: NodeNetwork): Promise<string[]> {
  const links = (await attempt('ip', ['-n', namespace, '-o', 'link', 'show', 'type', 'veth'])) ?? '';
  return [...links.matchAll(/link-netns (cni-\S+)/g)].flatMap(([, name]) => name ?? []);
}

export async function removeNetwork(network: NodeNetwork, pods: string[]): Promise<void> {
  for (const pod of pods) await attempt('ip', ['netns', 'del', pod]);
  await attempt('ip', ['link', 'del', network.hostLink]);
  await attempt('ip', ['netns', 'del', network.namespace]);
}
