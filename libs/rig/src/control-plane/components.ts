import { join } from 'node:path';
import type { Credentials } from './certificates.ts';

/** Where a control plane listens and keeps its files. */
export interface ControlPlanePlace {
  /** For everything it writes; one folder per control plane. */
  folder: string;
  /** Where clients reach the API server. */
  address: string;
  port: number;
  /** What the API server binds: the same, or 0.0.0.0 inside a network namespace. */
  bindAddress: string;
  /** Given out as the endpoint of the `kubernetes` service; loopback is refused there. */
  advertiseAddress: string;
  etcdPort: number;
  serviceCidr: string;
}

/** The first address of the service range: that of the service `kubernetes`. */
export function kubernetesServiceAddress(serviceCidr: string): string {
  return serviceCidr.replace(/\.0\/\d+$/, '.1');
}

export function etcdArguments({ folder, etcdPort }: ControlPlanePlace): string[] {
  const clientUrl = `http://127.0.0.1:${etcdPort}`;
  return [
    'etcd',
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    '--listen-peer-urls=http://127.0.0.1:0',
    // Nobody needs a test cluster again after a power cut.
    '--unsafe-no-fsync',
    '--log-level=error',
  ];
}

export function apiServerArguments(place: ControlPlanePlace, credentials: Credentials): string[] {
  const { serving, serviceAccount, frontProxy } = credentials;
  return [
    'kube-apiserver',
    `--etcd-servers=http://127.0.0.1:${place.etcdPort}`,
    `--bind-address=${place.bindAddress}`,
    `--secure-port=${place.port}`,
    `--advertise-address=${place.advertiseAddress}`,
    `--cert-dir=${join(place.folder, 'certs')}`,
    `--tls-cert-file=${serving.certificate}`,
    `--tls-private-key-file=${serving.key}`,
    `--client-ca-file=${credentials.ca}`,
    `--token-auth-file=${credentials.tokensFile}`,
    '--authorization-mode=Node,RBAC',
    `--service-account-key-file=${serviceAccount.certificate}`,
    `--service-account-signing-key-file=${serviceAccount.key}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-cluster-ip-range=${place.serviceCidr}`,
    '--allow-privileged=true',
    '--kubelet-preferred-address-types=InternalIP',
    // Aggregated APIs answer 403 without these.
    `--requestheader-client-ca-file=${credentials.frontProxyCa}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${frontProxy.certificate}`,
    `--proxy-client-key-file=${frontProxy.key}`,
    // How it finds an aggregated API. By the endpoints of its service, since there may be no kube-proxy beside it; on
    // loopback, which endpoints refuse, by the name in an ExternalName service, and those are only read without
    // routing.
    `--enable-aggregator-routing=${place.address !== '127.0.0.1'}`,
  ];
}

export function controllerManagerArguments(kubeconfigPath: string, credentials: Credentials): string[] {
  return [
    'kube-controller-manager',
    `--kubeconfig=${kubeconfigPath}`,
    '--leader-elect=false',
    '--secure-port=0',
    `--service-account-private-key-file=${credentials.serviceAccount.key}`,
    `--root-ca-file=${credentials.ca}`,
    // Not 20 per second, with which thousands of objects would take minutes.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ];
}

export function schedulerArguments(kubeconfigPath: string): string[] {
  return ['kube-scheduler', `--kubeconfig=${kubeconfigPath}`, '--leader-elect=false', '--secure-port=0'];
}

/** A kubeconfig (JSON is YAML) for the bearer of `token`. */
export function kubeconfig(server: string, caBase64: string, token: string): string {
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'redis-queue', cluster: { server, 'certificate-authority-data': caBase64 } }],
      users: [{ name: 'redis-queue', user: { token } }],
      contexts: [{ name: 'redis-queue', context: { cluster: 'redis-queue', user: 'redis-queue' } }],
      'current-context': 'redis-queue',
    },
    null,
    2,
  );
}
