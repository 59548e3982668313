import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APPS, type AppName } from '@redis-queue/api';

/** What every controller of a session is started with. */
export interface Surroundings {
  /** Node that runs it. */
  node: string;
  /** Of the checkout whose sources run. */
  workspaceRoot: string;
  kubeconfigPath: string;
  /** Of the example and of the Leases. */
  namespace: string;
  /** Whether only objects of `namespace` are reconciled: on a cluster of the user's, there may be others. */
  scoped: boolean;
  logLevel: string;
  /** Whether each opens a port for a debugger. */
  inspect: boolean;
  /** Where this machine reaches Services of the cluster. */
  serviceAddress: string;
  bus: Bus;
}

/** The bus as pods would reach it. */
export interface Bus {
  host: string;
  port: number;
  password: string;
}

/** A process to start. */
export interface Launch {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  /** Of /healthz, /readyz and /metrics. */
  httpPort: number;
  /** For a debugger; undefined when it has none. */
  inspectPort: number | undefined;
}

const FIRST_HTTP_PORT = 8081;
/** Node's own default for the first. */
const FIRST_INSPECT_PORT = 9229;

/**
 * How to start a controller from source as its chart starts its image: the same flags and environment, under
 * `node --watch`. The heap's limit is left out: it is for the bundle and not for sources under a debugger.
 *
 * @param index position among all controllers, so that ports are the same whichever of them are started.
 */
export function controllerLaunch(name: AppName, index: number, surroundings: Surroundings): Launch {
  const { node, workspaceRoot, kubeconfigPath, namespace, scoped, logLevel, inspect, serviceAddress, bus } =
    surroundings;
  const { capabilities } = APPS[name];
  const httpPort = FIRST_HTTP_PORT + index;
  const inspectPort = inspect ? FIRST_INSPECT_PORT + index : undefined;
  return {
    name,
    command: node,
    args: [
      '--watch',
      '--watch-preserve-output',
      `--import=${join(import.meta.dirname, 'preload.ts')}`,
      ...(inspectPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectPort}`]),
      join(workspaceRoot, 'apps', name, 'src/main.ts'),
      `--kubeconfig=${kubeconfigPath}`,
      `--http-port=${httpPort}`,
      `--log-level=${logLevel}`,
      ...(capabilities.includes('redis') ? ['--redis-secret-names=redis-credentials'] : []),
      ...(capabilities.includes('storage') ? [`--volume-directory=${join(tmpdir(), 'redis-queue-dev-backups')}`] : []),
      // Who stands at a breakpoint cannot renew a Lease, and would end for it.
      ...(inspect ? ['--leader-elect=false'] : []),
      ...(scoped ? [`--namespace-scope=${namespace}`] : []),
    ],
    env: {
      POD_NAME: `${name}-dev`,
      POD_NAMESPACE: namespace,
      DEV_SERVICE_ADDRESS: serviceAddress,
      ...(capabilities.includes('bus') ? busEnvironment(bus) : {}),
    },
    httpPort,
    inspectPort,
  };
}

function busEnvironment({ host, port, password }: Bus): Record<string, string> {
  return { BUS_REDIS_HOST: host, BUS_REDIS_PORT: String(port), BUS_REDIS_PASSWORD: password };
}
