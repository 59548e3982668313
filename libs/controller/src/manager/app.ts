import { hostname } from 'node:os';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { loadKubeClient } from '../client/load.ts';
import type { HeldKind } from '../finalizers/release-finalizers.ts';
import {
  UsageError,
  commonFlags,
  parseFlags,
  readCommonFlags,
  usage,
  type AppFlags,
  type FlagValues,
} from './flags.ts';
import { consoleToLog } from './console-to-log.ts';
import { createLog } from './log.ts';
import { maskSecrets } from './mask-secrets.ts';
import { createManager } from './manager.ts';
import { isRelease, releaseFlags, runRelease } from './release-mode.ts';
import { favourSmallHeap } from './small-heap.ts';
import type { Manager } from './types.ts';

export interface AppContext<F extends AppFlags> {
  /** What the app's own flags mean. */
  flags: FlagValues<F>;
  env: NodeJS.ProcessEnv;
  /** This pod, from POD_NAMESPACE and POD_NAME. */
  pod: { namespace: string; name: string };
}

export interface App<F extends AppFlags> {
  /** Names the process in logs, events and metrics, and its Lease unless --lease-name does. */
  name: string;
  /** A line for --help. */
  description: string;
  flags?: F;
  /** What it holds by finalizers, so that --release-finalizers can let it go once the app is uninstalled. */
  holds?: readonly HeldKind[];
  /** Wires caches, controllers and runnables. Throw `UsageError` for a bad flag. */
  setup(manager: Manager, context: AppContext<F>): void | Promise<void>;
}

/**
 * Runs an app as a process: flags, logs, client, manager, signals, exit code (0 stopped, 1 failed, 2 bad usage). Never
 * rejects. Common flags: --namespace-scope --kubeconfig --http-port --leader-elect --lease-namespace --lease-name
 * --log-level --help.
 */
export async function runApp<F extends AppFlags>(app: App<F>, argv: string[] = process.argv.slice(2)): Promise<void> {
  const { env } = process;
  favourSmallHeap();
  try {
    const common = commonFlags(app.name, env);
    const flags = { ...common, ...releaseFlags(app), ...app.flags };
    const values = parseFlags(flags, argv);
    if (values === 'help') {
      process.stdout.write(usage(app.name, app.description, flags));
      return;
    }
    process.exit(await runProcess(app, values as FlagValues<typeof common> & FlagValues<F>, env));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${app.name}: ${maskSecrets(error.message)}\n`);
    process.exit(2);
  }
}

async function runProcess<F extends AppFlags>(
  app: App<F>,
  values: FlagValues<F> & Parameters<typeof readCommonFlags>[0],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const common = readCommonFlags(values);
  const log = createLog({ name: app.name, level: common.logLevel });
  const pod = { namespace: common.leaseNamespace, name: env.POD_NAME || hostname() };
  consoleToLog(log);
  // Node prints an uncaught error as it is; the log masks secrets.
  const crash = (error: unknown): void => {
    log.fatal({ err: error }, 'uncaught error');
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  try {
    if (isRelease(values)) return (await runRelease(app, values, common, log)) ? 0 : 1;
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
    const client = loadKubeClient({ kubeconfigPath: common.kubeconfigPath, userAgent: app.name });
    const manager = createManager({
      name: app.name,
      client,
      log,
      registry,
      namespaces: common.namespaces,
      httpPort: common.httpPort,
      leaderElection: common.leaderElect && {
        namespace: common.leaseNamespace,
        leaseName: common.leaseName,
        // The kubelet starts a container again only when the one before has ended, and no other pod has its name.
        ...(env.POD_NAME && { identity: env.POD_NAME }),
      },
    });
    await app.setup(manager, { flags: values, env, pod });
    await manager.run();
    await client.close();
    log.info('stopped');
    return 0;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    log.fatal({ err: error }, 'ended by a failure');
    return 1;
  }
}

/** Gauges of prom-client with a name for counters, which `promtool check metrics` refuses; those by type say the same. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
