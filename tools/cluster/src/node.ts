import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, NODE_NAME, program, type ControlPlaneAssembly, type Launch } from '@redis-queue/rig';
import { POD_CIDR, type NodeNetwork } from './network.ts';

export const PAUSE_IMAGE = 'localhost/pause:1';

export function containerdSocket(folder: string): string {
  return join(folder, 'containerd.sock');
}

/** Starts what runs pods: containerd, kubelet, kube-proxy and CoreDNS. Needs root. */
export async function startNode(
  folder: string,
  network: NodeNetwork,
  controlPlane: ControlPlaneAssembly,
  launch: Launch,
): Promise<void> {
  const socket = containerdSocket(folder);
  mkdirSync(join(folder, 'cni'), { recursive: true });
  writeFileSync(join(folder, 'cni', '10-pods.conflist'), JSON.stringify(cniConfig(folder)));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const corefile = write('Corefile', coreDnsConfig(network, controlPlane.kubeconfigPath));
  const containerdConfigPath = write('containerd.toml', containerdConfig(folder));
  const kubeletConfigPath = write('kubelet.json', JSON.stringify(kubeletConfig(socket, network)));

  launch('coredns', [program('coredns'), '-conf', corefile]);
  const containerd = launch('containerd', [program('containerd'), '-c', containerdConfigPath]);
  const started = (): boolean => containerd.ended() !== undefined || existsSync(socket);
  await eventually(started, { timeoutMs: 30_000, description: 'containerd to listen' });
  const failure = containerd.ended();
  if (failure !== undefined) throw new Error(`containerd did not start: ${failure}`);

  launch('kubelet', [
    program('kube'),
    'kubelet',
    `--config=${kubeletConfigPath}`,
    `--kubeconfig=${controlPlane.kubeletKubeconfigPath}`,
    `--root-dir=${join(folder, 'kubelet')}`,
    `--cert-dir=${join(folder, 'kubelet-certs')}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${network.nodeAddress}`,
  ]);
  launch('kube-proxy', [
    program('kube'),
    'kube-proxy',
    `--kubeconfig=${controlPlane.kubeconfigPath}`,
    // The nftables mode cannot list its tables on every kernel.
    '--proxy-mode=iptables',
    `--hostname-override=${NODE_NAME}`,
    // Pods share one bridge: without br_netfilter, replies of a service's pod would bypass the translation.
    '--masquerade-all=true',
    // The host's connection-tracking limits are not ours to set.
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ]);
}

function cniConfig(folder: string): object {
  const ranges = [[{ subnet: POD_CIDR }]];
  const ipam = { type: 'host-local', dataDir: join(folder, 'ipam'), ranges, routes: [{ dst: '0.0.0.0/0' }] };
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [{ type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, hairpinMode: true, ipam }],
  };
}

function containerdConfig(folder: string): string {
  return `version = 3
root = "${folder}/containerd/root"
state = "${folder}/containerd/state"
[grpc]
  address = "${containerdSocket(folder)}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${PAUSE_IMAGE}"
[plugins.'io.containerd.cri.v1.runtime']
  # Lowering a process's OOM score below its parent's needs CAP_SYS_RESOURCE, which a container's root often lacks.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
    conf_dir = "${folder}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      Root = "${folder}/runc"
`;
}

function kubeletConfig(socket: string, network: NodeNetwork): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // Reachable from this host and its pods only.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    makeIPTablesUtilChains: false,
    clusterDNS: [network.nodeAddress],
    clusterDomain: 'cluster.local',
    // Images come by `cluster load` alone: one that is collected could not be pulled again.
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '0%', 'nodefs.available': '0%', 'imagefs.available': '0%' },
  };
}

function coreDnsConfig({ nodeAddress }: NodeNetwork, kubeconfigPath: string): string {
  return `.:53 {
  bind ${nodeAddress}
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfigPath}
  }
  cache 5
}
`;
}
