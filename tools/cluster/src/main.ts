import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { program } from '@redis-queue/rig';
import { build, isLevel } from './build.ts';
import { deadComponents, findCluster, importImage, startCluster, stopCluster } from './cluster.ts';
import { clusterFolder, clusterNames, readState } from './state.ts';

const HELP = `A real Kubernetes cluster from processes: no Docker, no image registry.

  cluster up [--node]              start it; --node also runs pods (root). A running one is reused
  cluster load IMAGE.tar…          make docker-archive images available to pods
  cluster kubectl ARGUMENT…        kubectl against it; helm likewise
  cluster status                   the clusters of this user
  cluster down [--all]             end it and remove all it left, also after a crash
  cluster build control-plane|node build its programs from source, once; keda: those of a bench

  --name NAME                      several run side by side; default "dev". Goes before kubectl and helm
`;

const print = (line: string): void => console.error(line);

async function up(name: string, node: boolean): Promise<void> {
  const running = findCluster(name);
  const cluster =
    running && (running.nodeAddress !== undefined) === node
      ? running
      : await build(node ? 'node' : 'control-plane', print).then(() =>
          startCluster({ name, node, owned: false, print }),
        );
  console.log(`export KUBECONFIG=${cluster.kubeconfigPath}`);
}

async function load(name: string, archives: string[]): Promise<void> {
  for (const archive of archives) {
    if (!existsSync(archive)) throw new Error(`${archive}: no such file`);
    await importImage(clusterFolder(name), archive);
  }
}

async function down(names: string[]): Promise<void> {
  for (const name of names) {
    await stopCluster(name, print);
    print(`✔ cluster ${name} is gone`);
  }
}

function status(): void {
  for (const name of clusterNames()) {
    const state = readState(name);
    const dead = deadComponents(name);
    const health = !state?.server ? 'not whole' : dead.length > 0 ? `ended: ${dead.join(', ')}` : 'runs';
    console.log([name, state?.node ? 'node' : 'control-plane', health, state?.kubeconfigPath ?? '-'].join('\t'));
  }
}

function passThrough(name: string, tool: 'kubectl' | 'helm', args: string[]): void {
  const cluster = findCluster(name);
  if (!cluster) throw new Error(`no cluster ${name} runs; start it: tools/cluster/cluster up --name ${name}`);
  const command = tool === 'helm' ? [program('helm')] : [program('kube'), 'kubectl'];
  const [path = '', ...first] = command;
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfigPath, NO_PROXY: '*' };
  process.exitCode = spawnSync(path, [...first, ...args], { stdio: 'inherit', env }).status ?? 1;
}

const argv = process.argv.slice(2);
const passAt = argv.findIndex((each) => each === 'kubectl' || each === 'helm');
const { values, positionals } = parseArgs({
  args: passAt === -1 ? argv : argv.slice(0, passAt + 1),
  allowPositionals: true,
  options: {
    name: { type: 'string', default: 'dev' },
    node: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [command, ...rest] = values.help ? ['help'] : positionals;
try {
  if (command === 'up') await up(values.name, values.node);
  else if (command === 'load') await load(values.name, rest);
  else if (command === 'down') await down(values.all ? clusterNames() : [values.name]);
  else if (command === 'status') status();
  else if (command === 'build' && isLevel(rest[0])) await build(rest[0], print);
  else if (command === 'kubectl' || command === 'helm') passThrough(values.name, command, argv.slice(passAt + 1));
  else {
    console.log(HELP);
    process.exitCode = command === 'help' ? 0 : 2;
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
