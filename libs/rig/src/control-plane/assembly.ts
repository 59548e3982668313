import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { program } from '../programs/binaries.ts';
import { eventually } from '../waiting/eventually.ts';
import { createCredentials } from './certificates.ts';
import {
  apiServerArguments,
  controllerManagerArguments,
  etcdArguments,
  kubeconfig,
  kubernetesServiceAddress,
  schedulerArguments,
  type ControlPlanePlace,
} from './components.ts';

export const NODE_NAME = 'node0';

/** Starts one component; how long it lives is up to the caller: with the test process, or until `cluster down`. */
export type Launch = (name: string, command: string[]) => LaunchedComponent;

export interface LaunchedComponent {
  /** A sentence when it has ended, which no component should; undefined while it runs. */
  ended(): string | undefined;
}

/** The parts of a control plane on disk, and how to start each. */
export interface ControlPlaneAssembly {
  server: string;
  kubeconfigPath: string;
  kubeletKubeconfigPath: string;
  startEtcd(launch: Launch): void;
  /** Starts it and waits until /readyz says ok. */
  startApiServer(launch: Launch): Promise<void>;
  startControllerManager(launch: Launch): void;
  startScheduler(launch: Launch): void;
}

/**
 * Writes what a control plane needs into `place.folder` (certificates, tokens, kubeconfigs) and returns its parts.
 * The one place that knows how they fit together, for tests and for `tools/cluster`.
 */
export async function assembleControlPlane(place: ControlPlanePlace): Promise<ControlPlaneAssembly> {
  const kube = program('kube');
  mkdirSync(place.folder, { recursive: true, mode: 0o700 });
  const addresses = ['127.0.0.1', place.address, kubernetesServiceAddress(place.serviceCidr)];
  const credentials = await createCredentials(place.folder, [...new Set(addresses)], NODE_NAME);
  const ca = readFileSync(credentials.ca);
  const server = `https://${place.address}:${place.port}`;
  const write = (name: string, token: string): string => {
    const path = join(place.folder, name);
    writeFileSync(path, kubeconfig(server, ca.toString('base64'), token), { mode: 0o600 });
    return path;
  };
  const kubeconfigPath = write('kubeconfig', credentials.adminToken);
  return {
    server,
    kubeconfigPath,
    kubeletKubeconfigPath: write('kubelet.kubeconfig', credentials.kubeletToken),
    startEtcd: (launch) => void launch('etcd', [kube, ...etcdArguments(place)]),
    startApiServer: async (launch) => {
      const component = launch('kube-apiserver', [kube, ...apiServerArguments(place, credentials)]);
      await ready(place, ca, component);
    },
    startControllerManager: (launch) =>
      void launch('kube-controller-manager', [kube, ...controllerManagerArguments(kubeconfigPath, credentials)]),
    startScheduler: (launch) => void launch('kube-scheduler', [kube, ...schedulerArguments(kubeconfigPath)]),
  };
}

async function ready(place: ControlPlanePlace, ca: Buffer, component: LaunchedComponent): Promise<void> {
  let ended: string | undefined;
  const probe = async (): Promise<boolean> => {
    ended = component.ended();
    return ended !== undefined || (await isReady(place.address, place.port, ca));
  };
  await eventually(probe, { timeoutMs: 60_000, intervalMs: 100, description: 'kube-apiserver to be ready' });
  if (ended !== undefined) throw new Error(`kube-apiserver did not start: ${ended}`);
}

function isReady(host: string, port: number, ca: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const query = request({ host, port, ca, path: '/readyz', timeout: 2_000, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    query.on('timeout', () => query.destroy(new Error('no answer in 2 s')));
    query.on('error', reject);
    query.end();
  });
}
