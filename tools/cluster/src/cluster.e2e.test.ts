import { existsSync, readFileSync, statSync } from 'node:fs';
import { eventually, startProcess } from '@redis-queue/rig';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findCluster, startCluster, stopCluster, type Cluster } from './cluster.ts';
import { run } from './command.ts';
import { commandLine, findProcesses } from './daemons.ts';
import { nodeImage, redisImage, type BuiltImage } from './images.ts';
import { containerIds, externalTraces } from './leftovers.ts';
import { nodeNetwork, podNamespaces } from './network.ts';
import { clusterFolder, readState } from './state.ts';

const NAMES = ['test-one', 'test-two'] as const;
const NAMESPACE = 'restricted';

let images: BuiltImage[];
beforeAll(async () => {
  images = [await nodeImage(), await redisImage()];
});
afterAll(async () => {
  for (const name of NAMES) await stopCluster(name);
});

/** Call while the cluster runs; the result returns what is left of this cluster on the machine. */
async function tracesOf(name: string): Promise<() => Promise<string[]>> {
  const folder = clusterFolder(name);
  const slot = readState(name)?.slot ?? -1;
  const containers = containerIds(folder);
  const namespaces = [`redis-queue-${name}`, ...(await podNamespaces(nodeNetwork(name, slot)))];
  return async () => {
    const links = await run('ip', ['-o', 'link']);
    const mounts = readFileSync('/proc/mounts', 'utf8');
    const processes = findProcesses((pid) => commandLine(pid).includes(`${folder}/`));
    return [
      ...processes.map(({ pid }) => `process ${commandLine(pid)}`),
      ...namespaces.map((each) => `/run/netns/${each}`).filter((path) => existsSync(path)),
      ...links.split('\n').filter((line) => line.includes(`rq${slot}-`)),
      ...mounts.split('\n').filter((line) => line.includes(`${folder}/`)),
      ...containers.flatMap(externalTraces),
      ...(existsSync(folder) ? [folder] : []),
    ];
  };
}

const SECURITY = {
  runAsNonRoot: true,
  runAsUser: 65_532,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

/** Asks the API server for its version by the service's name, as the pod's ServiceAccount, over verified TLS. */
const ASK_API_SERVER = `
  const { readFileSync } = require('node:fs');
  const secrets = '/var/run/secrets/kubernetes.io/serviceaccount/';
  const options = { ca: readFileSync(secrets + 'ca.crt'), headers: { authorization: 'Bearer ' + readFileSync(secrets + 'token') } };
  require('node:https').get('https://kubernetes.default.svc/version', options, (answer) => {
    answer.resume();
    console.log('API server answers', answer.statusCode, 'to uid', process.getuid());
  });`;

/** Creates the pod in a namespace that admits restricted pods only, once its ServiceAccount is there. */
async function createPod(cluster: Cluster, name: string, container: object): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } }));
  const containers = [{ name, imagePullPolicy: 'Never', securityContext: SECURITY, ...container }];
  const metadata = { name, namespace: NAMESPACE };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { restartPolicy: 'Never', containers } };
  const create = () => cluster.apply(JSON.stringify(pod));
  await eventually(create, { timeoutMs: 30_000, intervalMs: 200, description: `pod ${name} to be accepted` });
}

async function runRedis(cluster: Cluster): Promise<void> {
  await cluster.load(...images);
  await createPod(cluster, 'redis', { image: 'localhost/redis:7', args: ['--protected-mode', 'no', '--save', ''] });
  await cluster.kubectl('wait', 'pod/redis', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=180s');
}

const PING = ['exec', 'redis', '-n', NAMESPACE, '--', '/usr/bin/redis-cli', 'ping'];

describe('two clusters side by side', () => {
  let one: Cluster;
  let two: Cluster;
  beforeAll(async () => {
    one = await startCluster({ name: NAMES[0], node: true });
    two = await startCluster({ name: NAMES[1], node: true });
    await Promise.all([runRedis(one), runRedis(two)]);
  });

  it('lets a restricted pod reach the API server by its name', async () => {
    const ask = { image: 'localhost/node:24', args: ['-e', ASK_API_SERVER] };
    await createPod(one, 'client', ask);
    const log = await eventually(async () => (await one.kubectl('logs', 'client', '-n', NAMESPACE)) || undefined, {
      timeoutMs: 60_000,
      intervalMs: 300,
      description: 'the pod to say what it got',
    });
    expect(log).toBe('API server answers 200 to uid 65532\n');
  });

  it('runs commands in pods', async () => {
    expect(await one.kubectl(...PING)).toBe('PONG\n');
  });

  it('ends one without a trace, the other untouched', async () => {
    const traces = await tracesOf(one.name);
    expect(await traces()).not.toEqual([]);
    await one.down();
    expect(await traces()).toEqual([]);
    expect(await two.kubectl(...PING)).toBe('PONG\n');
  });
});

/** Starts the cluster from a process that is killed as soon as `moment` has come. */
async function startAndCrash(moment: () => boolean): Promise<void> {
  const module = JSON.stringify(import.meta.resolve('./cluster.ts'));
  const code = `const { startCluster } = await import(${module}); await startCluster({ name: '${NAMES[0]}', node: true });`;
  const starter = startProcess('node', ['--input-type=module', '-e', code]);
  await eventually(moment, { timeoutMs: 60_000, intervalMs: 20, description: 'the moment of the crash' });
  await starter.stop('SIGKILL');
}

const logs = (component: string) => existsSync(`${clusterFolder(NAMES[0])}/logs/${component}.log`);
const isUp = () => findCluster(NAMES[0]) !== undefined;

describe('a cluster whose starter was killed', () => {
  afterEach(() => stopCluster(NAMES[0]));

  it.each([
    ['as soon as it had a slot', () => readState(NAMES[0])?.slot !== undefined],
    ['while the control plane started', () => logs('kube-apiserver')],
    ['while the node started', () => logs('kubelet')],
  ])('%s is gone after down', async (_, moment) => {
    await startAndCrash(moment);
    const traces = await tracesOf(NAMES[0]);
    expect(await traces()).not.toEqual([]);
    await stopCluster(NAMES[0]);
    // A kubectl that the starter ran ends by itself, as it finds no API server any more.
    await eventually(async () => (await traces()).length === 0, { description: 'the last trace to disappear' });
  });

  it('when it ran pods is gone after down, pods and all', async () => {
    await startAndCrash(isUp);
    const cluster = findCluster(NAMES[0]);
    if (!cluster) throw new Error('the cluster is not up');
    await runRedis(cluster);
    const traces = await tracesOf(NAMES[0]);
    await stopCluster(NAMES[0]);
    expect(await traces()).toEqual([]);
  });

  it('is replaced by the next start of that name', async () => {
    await startAndCrash(() => logs('kubelet'));
    const cluster = await startCluster({ name: NAMES[0], node: true });
    expect(await cluster.kubectl('get', 'nodes', '-o', 'name')).toBe('node/node0\n');
  });
});

it('builds no image twice', async () => {
  const built = images.map(({ archive }) => statSync(archive).mtimeMs);
  const again = [await nodeImage(), await redisImage()];
  expect(again.map(({ archive }) => statSync(archive).mtimeMs)).toEqual(built);
});

it('refuses to replace a cluster that another living process owns', async () => {
  const module = JSON.stringify(import.meta.resolve('./cluster.ts'));
  const code = `const { startCluster } = await import(${module}); await startCluster({ name: '${NAMES[0]}' }); console.log('up'); setInterval(() => {}, 1000);`;
  await using owner = startProcess('node', ['--input-type=module', '-e', code]);
  await owner.waitForLine(/^up$/, { timeoutMs: 60_000 });
  await expect(startCluster({ name: NAMES[0] })).rejects.toThrow(`in use by process ${owner.pid}`);
});
