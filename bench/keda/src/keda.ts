import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { build, go, type Print } from '@redis-queue/cluster';
import {
  createAuthority,
  eventually,
  freePort,
  issueCertificate,
  moduleOf,
  program,
  startProcess,
  temporaryFolder,
  type ChildHandle,
  type ControlPlane,
} from '@redis-queue/rig';
import {
  adapterArguments,
  ADAPTER_HOST,
  API_SERVICE,
  apiService,
  ENVIRONMENT,
  NAMESPACE,
  operatorArguments,
  type KedaPlace,
} from './installation.ts';

/** KEDA's operator and metrics adapter, scaling what the control plane has ScaledObjects for. */
export interface Keda extends AsyncDisposable {
  /** Ends both and takes external.metrics.k8s.io off the API server again. ScaledObjects should be gone before. */
  stop(): Promise<void>;
}

/**
 * Builds KEDA unless it is in the cache (about 10 min) and starts it as an administrator on loopback, without webhooks.
 * It dies with this process.
 *
 * @throws when one of its parts ends or does not get ready within a minute, with the end of its log.
 */
export async function startKeda(controlPlane: ControlPlane, print: Print): Promise<Keda> {
  await build('keda', print);
  const { kubeconfigPath } = controlPlane;
  const certificates = temporaryFolder('keda');
  const caBundle = await createCertificates(certificates);
  const [metricsService, adapter, operatorProbe, adapterMetrics] = await freePorts();
  const place: KedaPlace = {
    certificates,
    kubeconfigPath,
    ports: { metricsService, adapter, operatorProbe, adapterMetrics },
  };
  await controlPlane.kubectl('apply', '--server-side', '-f', await crdsFolder());
  await controlPlane.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });

  const operator = start('operator', operatorArguments(place));
  const parts = [operator];
  const stop = async (): Promise<void> => {
    await controlPlane.kubectl('delete', 'apiservice', API_SERVICE, '--ignore-not-found');
    await Promise.all(parts.map((part) => part.stop('SIGKILL')));
    await rm(certificates, { recursive: true, force: true });
  };
  try {
    // The adapter does not retry for long when the operator is not there.
    await untilListening('operator', operator, metricsService);
    const adapterProcess = start('adapter', adapterArguments(place));
    parts.push(adapterProcess);
    await untilListening('adapter', adapterProcess, adapter);
    await controlPlane.apply(apiService(adapter, caBundle));
    await controlPlane.kubectl('wait', `apiservice/${API_SERVICE}`, '--for=condition=Available', '--timeout=60s');
  } catch (error) {
    const logs = parts.map(({ lines }) => lines.slice(-10).join('\n')).join('\n\n');
    await stop();
    throw new Error(`KEDA did not start: ${(error as Error).message}\n${logs}`, { cause: error });
  }
  return { stop, [Symbol.asyncDispose]: stop };
}

function start(name: 'operator' | 'adapter', args: string[]): ChildHandle {
  return startProcess(program('keda', name), args, { env: { ...ENVIRONMENT, KUBECONFIG: undefined } });
}

/** @returns the CA's certificate, PEM. */
async function createCertificates(folder: string): Promise<string> {
  const authority = await createAuthority(folder, 'ca', 'redis-queue-bench-keda');
  // One for both: the operator's gRPC service and the adapter prove themselves to each other with it.
  await issueCertificate(folder, 'tls', 'keda', authority, `subjectAltName=IP:127.0.0.1,DNS:${ADAPTER_HOST}`);
  return readFileSync(authority.certificate, 'utf8');
}

async function freePorts(): Promise<[number, number, number, number]> {
  return [await freePort(), await freePort(), await freePort(), await freePort()];
}

/** KEDA's CRDs, as its module has them. */
async function crdsFolder(): Promise<string> {
  const downloaded = await go(['mod', 'download', '-json', 'github.com/kedacore/keda/v2'], moduleOf('keda'));
  const { Dir } = JSON.parse(downloaded) as { Dir: string };
  return join(Dir, 'config/crd/bases');
}

async function untilListening(name: string, part: ChildHandle, port: number): Promise<void> {
  let ended: string | undefined;
  void part.exited.then(({ code, signal }) => (ended = `${name} ended with ${signal ?? code}`));
  await eventually(async () => ended !== undefined || (await isListening(port)), {
    timeoutMs: 60_000,
    description: `KEDA's ${name} to listen`,
  });
  if (ended !== undefined) throw new Error(ended);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (listening: boolean) => (): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });
}
