import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { program, workspaceRoot } from '../programs/binaries.ts';
import { freePort } from '../processes/free-port.ts';
import { startProcess, temporaryFolder, type ChildHandle, type ProcessExit } from '../processes/process.ts';
import { assembleControlPlane, type Launch } from './assembly.ts';
import { kubectl } from './kubectl.ts';

export interface ControlPlaneOptions {
  /** Apply the project's CRDs and wait until they are served; default false. */
  crds?: boolean;
  /** Whether kube-controller-manager runs; default true. Without it nobody makes ReplicaSets of Deployments. */
  controllerManager?: boolean;
}

/** etcd, kube-apiserver and kube-controller-manager on loopback; pods are created but nothing runs them. */
export interface ControlPlane extends AsyncDisposable {
  /** Of a cluster administrator, with the cluster's CA. */
  readonly kubeconfigPath: string;
  readonly server: string;
  kubectl(...args: string[]): Promise<string>;
  /** kubectl with something on its standard input. */
  kubectlWith(input: string, ...args: string[]): Promise<string>;
  /** `kubectl apply` of objects or of YAML. */
  apply(manifest: string | object | object[]): Promise<string>;
  /** A new namespace with a name of its own; everything in it goes with the control plane. */
  createNamespace(prefix?: string): Promise<string>;
  /** SIGKILL: watches break, requests are refused, until `startApiServer`. */
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  restartApiServer(): Promise<void>;
  /** Ends all of it at once and removes its data. */
  stop(): Promise<void>;
}

const ATTEMPTS = 3;

/**
 * Starts a real control plane that dies with this process, in about 3 s. Needs no root; several run side by side.
 * It never reads the environment's KUBECONFIG.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt++) {
    try {
      const controlPlane = await startOnce(options);
      if (options.crds) await applyCrds((...args) => controlPlane.kubectl(...args));
      return controlPlane;
    } catch (error) {
      // Another process may have taken a port between our choosing and binding it.
      if (attempt === ATTEMPTS || !/address already in use/.test(String(error))) throw error;
    }
  }
}

async function startOnce({ controllerManager = true }: ControlPlaneOptions): Promise<ControlPlane> {
  const folder = temporaryFolder('control-plane');
  const processes = new Map<string, ChildHandle>();
  const launch: Launch = (name, [command = '', ...args]) => {
    const logFile = join(folder, `${name}.log`);
    const child = startProcess(command, args, { logFile, env: { KUBECONFIG: undefined } });
    processes.set(name, child);
    let exit: ProcessExit | undefined;
    void child.exited.then((result) => (exit = result));
    return { ended: () => exit && `it ended with ${exit.signal ?? exit.code}:\n${tail(logFile)}` };
  };
  // kube-apiserver takes up to a minute to stop on SIGTERM while watches are open: SIGKILL.
  const stop = async (): Promise<void> => {
    await Promise.all([...processes.values()].map((each) => each.stop('SIGKILL')));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const assembly = await assembleControlPlane({
      folder,
      address: '127.0.0.1',
      bindAddress: '127.0.0.1',
      // Only ever written into an Endpoints object; nothing routes there (TEST-NET-3).
      advertiseAddress: '203.0.113.1',
      port: await freePort(),
      etcdPort: await freePort(),
      serviceCidr: '10.96.0.0/16',
    });
    assembly.startEtcd(launch);
    await assembly.startApiServer(launch);
    if (controllerManager) assembly.startControllerManager(launch);

    const { kubeconfigPath, server } = assembly;
    const run = (...args: string[]): Promise<string> => kubectl(kubeconfigPath, args);
    const stopApiServer = async (): Promise<void> => void (await processes.get('kube-apiserver')?.stop('SIGKILL'));
    const startApiServer = async (): Promise<void> => assembly.startApiServer(launch);
    return {
      kubeconfigPath,
      server,
      kubectl: run,
      kubectlWith: (input, ...args) => kubectl(kubeconfigPath, args, input),
      apply: (manifest) => kubectl(kubeconfigPath, ['apply', '-f', '-'], manifestText(manifest)),
      createNamespace: async (prefix = 'test') => {
        const name = `${prefix}-${randomBytes(4).toString('hex')}`;
        await run('create', 'namespace', name);
        return name;
      },
      stopApiServer,
      startApiServer,
      restartApiServer: async () => {
        await stopApiServer();
        await startApiServer();
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    const etcdLog = tail(join(folder, 'etcd.log'));
    await stop();
    throw new Error(`the control plane did not start: ${(error as Error).message}\n${etcdLog}`, { cause: error });
  }
}

/** kubectl reads a stream of YAML documents; JSON is one. */
function manifestText(manifest: string | object | object[]): string {
  if (typeof manifest === 'string') return manifest;
  return [manifest]
    .flat()
    .map((object) => JSON.stringify(object))
    .join('\n---\n');
}

async function applyCrds(run: (...args: string[]) => Promise<string>): Promise<void> {
  const folder = join(workspaceRoot, 'crds');
  await run('apply', '--server-side', '-f', folder);
  await run('wait', '--for=condition=Established', '--timeout=30s', '-f', folder);
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(-15).join('\n');
  } catch {
    return '';
  }
}

/** Path of the helm that goes with the test cluster. */
export function helmPath(): string {
  return program('helm');
}
