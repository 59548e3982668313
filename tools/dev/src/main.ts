import { watch } from 'node:fs';
import { join } from 'node:path';
import { follow } from '@redis-queue/rig/pods';
import { APP_NAMES } from '@redis-queue/rig';
import { applyExamples } from '@redis-queue/rig/pods';
import { workspaceRoot } from '@redis-queue/rig';
import { ownDevCluster, userDevCluster, type DevCluster } from './cluster.ts';
import { controllerLaunch, type Bus, type Launch } from './controllers.ts';
import { logPrinter } from './log-line.ts';
import { help, parseOptions, type Options } from './options.ts';
import { applyDefinitions, applySite, NAMESPACE, REDIS_PORT, REDIS_SERVICE } from './site.ts';
import { startSource, type Running } from './sources.ts';
import { followWorkers } from './worker-logs.ts';

/** Several writes of one `make generate` become one apply. */
const DEFINITIONS_SETTLE_MS = 500;
const LOOPBACK = '127.0.0.1';

const printer = logPrinter({ colour: process.stdout.isTTY && process.env.NO_COLOR === undefined });
const print = (source: string, line: string): void => {
  process.stdout.write(`${printer.format(source, line).join('\n')}\n`);
};
const say = (line: string): void => print('make dev', line);

async function dev(options: Options, signal: AbortSignal): Promise<void> {
  const cluster = options.context ? await userDevCluster(options.context, say) : await ownDevCluster(say);
  say(`${cluster.description}: definitions, Redis and its Secret in namespace ${NAMESPACE}`);
  await applyDefinitions(cluster);
  const bus = await applySite(cluster);
  await applyExamples(cluster, NAMESPACE);
  if (signal.aborted) return;
  if (cluster.nodeAddress === undefined) tunnelToRedis(cluster, signal);
  const launches = launchesOf(options, cluster, bus);
  const running = launches.map((launch) => startController(launch, signal));
  followWorkers(cluster, NAMESPACE, print, signal);
  reapplyOnChange(cluster, signal);
  for (const line of summary(cluster, launches)) say(line);
  await Promise.all(running.map(({ ended }) => ended));
}

function launchesOf(options: Options, cluster: DevCluster, bus: Bus): Launch[] {
  const surroundings = {
    node: process.execPath,
    workspaceRoot,
    kubeconfigPath: cluster.kubeconfigPath,
    namespace: NAMESPACE,
    scoped: cluster.foreign,
    logLevel: options.logLevel,
    inspect: options.inspect,
    serviceAddress: cluster.nodeAddress ?? LOOPBACK,
    bus,
  };
  return options.controllers.map((name) => controllerLaunch(name, APP_NAMES.indexOf(name), surroundings));
}

function startController(launch: Launch, signal: AbortSignal): Running {
  return startSource(launch, (line) => print(launch.name, line), signal);
}

function tunnelToRedis({ kubectl }: DevCluster, signal: AbortSignal): void {
  const ports = `${REDIS_PORT}:${REDIS_PORT}`;
  const args = ['port-forward', `--namespace=${NAMESPACE}`, `service/${REDIS_SERVICE}`, ports, `--address=${LOOPBACK}`];
  follow(kubectl, args, (line) => line.startsWith('Forwarding') && say(line), signal);
}

function reapplyOnChange(cluster: DevCluster, signal: AbortSignal): void {
  let timer: NodeJS.Timeout | undefined;
  watch(join(workspaceRoot, 'crds'), { signal }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      applyDefinitions(cluster).then(
        () => say('crds/ changed: applied'),
        (error: Error) => say(`crds/ changed, but: ${error.message}`),
      );
    }, DEFINITIONS_SETTLE_MS);
  }).on('error', () => undefined); // an abort counts as one
}

function summary(cluster: DevCluster, launches: Launch[]): string[] {
  const kubectl = cluster.foreign
    ? [cluster.kubectl.program, ...cluster.kubectl.args].join(' ')
    : 'tools/cluster/cluster kubectl';
  return [
    ...launches.map(({ name, httpPort, inspectPort }) => {
      const debug = inspectPort === undefined ? '' : `, debugger: ${LOOPBACK}:${inspectPort}`;
      return `${name}: http://${LOOPBACK}:${httpPort}/metrics${debug}`;
    }),
    `look: ${kubectl} -n ${NAMESPACE} get rq,wp,pods`,
    `jobs: make jobs COUNT=200${cluster.foreign ? ' KUBE_CONTEXT=…' : ''}; end with Ctrl-C`,
  ];
}

function farewell(options: Options): string {
  return options.context
    ? `ended; to remove what is left: kubectl --context=${options.context} delete namespace ${NAMESPACE}, and delete -f crds/`
    : 'ended; the cluster runs on for the next time. To end it: make down';
}

const stopping = new AbortController();
for (const each of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(each, () => {
    // On the second signal, a controller that does not end is not waited for.
    if (stopping.signal.aborted) process.exit(130);
    say('ending');
    stopping.abort();
  });
}
try {
  const options = parseOptions(process.argv.slice(2), APP_NAMES);
  if (options === 'help') {
    console.log(help(APP_NAMES));
  } else {
    await dev(options, stopping.signal);
    say(farewell(options));
  }
  process.exit(0);
} catch (error) {
  console.error(`✘ ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
