import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { chartFolder, charts, controllerCharts, helm, registryFlag, render, type Rendered } from './rendering/helm.ts';

interface Container {
  args: string[];
  image: string;
  env: { name: string; value?: string }[];
}

const BUILD = ['--version=0.2.0+build.7', '--app-version=0.2.0+build.7'];
const umbrella = chartFolder('redis-queue');
const container = (objects: Rendered[], name: string): Container => {
  const deployment = objects.find((each) => each.kind === 'Deployment' && each.metadata.name === name);
  const { spec } = deployment as unknown as { spec: { template: { spec: { containers: Container[] } } } };
  return spec.template.spec.containers[0]!;
};
/** Values of one chart, and of all. */
const own = (enabled: boolean | '') => ({ bus: { tls: { enabled } } });
const all = (enabled: boolean) => ({ global: own(enabled) });
const kindsOf = (objects: Rendered[]) => new Set(objects.map(({ kind }) => kind));

describe.each(charts)('the chart %s', (chart) => {
  it('passes helm lint', async () => {
    await expect(helm(['lint', '--strict', registryFlag, chartFolder(chart)])).resolves.toContain('0 chart(s) failed');
  });

  it('renders the same from its package as from the repository', async () => {
    const folder = temporaryFolder('package');
    await helm(['package', chartFolder(chart), '--destination', folder]);
    expect(await render(join(folder, `${chart}-0.1.0.tgz`))).toEqual(await render(chartFolder(chart)));
  });
});

async function strategyWith(claimName: string): Promise<object | undefined> {
  const objects = await render(chartFolder('backup-controller'), { values: { storage: { volume: { claimName } } } });
  const deployment = objects.find(({ kind }) => kind === 'Deployment') as unknown as { spec: { strategy?: object } };
  return deployment.spec.strategy;
}

it('a Deployment with a volume ends its old pod first, since one node alone may have the volume', async () => {
  expect(await strategyWith('backups')).toEqual({ type: 'Recreate' });
  expect(await strategyWith('')).toBeUndefined();
});

describe('a wrong value is refused before anything is installed:', () => {
  it.each([
    ['a misspelt value', { 'queue-controller': { replica: 3 } }, "additional properties 'replica' not allowed"],
    [
      'a misspelt chart',
      { 'queue-controler': { enabled: false } },
      "additional properties 'queue-controler' not allowed",
    ],
    [
      'an unknown log level',
      { autoscaler: { logLevel: 'loud' } },
      "at '/logLevel': value must be one of 'fatal', 'error'",
    ],
    ['a text for a number', { autoscaler: { replicas: 'two' } }, "at '/replicas': got string, want integer"],
    ['a Secret by no name', { global: { redis: { secretNames: [''] } } }, "at '/global/redis/secretNames/0'"],
    ['a Secret by a path', { autoscaler: { redis: { secretNames: ['ns/redis'] } } }, "at '/redis/secretNames/0'"],
    ['all Secrets', { autoscaler: { redis: { secretNames: ['*'] } } }, "at '/redis/secretNames/0'"],
    ['a tag with a colon', { global: { image: { tag: 'a:b' } } }, "at '/global/image/tag'"],
    [
      'a misspelt value of a part that is off',
      { autoscaler: { enabled: false, podStartTim: '5s' } },
      "at '/autoscaler': additional properties 'podStartTim' not allowed",
    ],
    ['a misspelt value of the library', { common: { image: {} } }, "additional properties 'image' not allowed"],
    [
      'a misspelt field of a toleration',
      { autoscaler: { tolerations: [{ kee: 'a' }] } },
      "properties 'kee' not allowed",
    ],
    ['a misspelt kind of affinity', { autoscaler: { affinity: { node: {} } } }, "invalid propertyName 'node'"],
    ['a length of time without a unit', { autoscaler: { podStartTime: '10' } }, "at '/autoscaler/podStartTime'"],
    ['no time at all', { autoscaler: { podStartTime: '0s' } }, "at '/autoscaler/podStartTime'"],
    ['too long a time', { autoscaler: { podStartTime: '2h' } }, "at '/autoscaler/podStartTime'"],
    ['too many samples', { 'queue-controller': { sampleInterval: '1ms' } }, "at '/queue-controller/sampleInterval'"],
    ['too much repair', { 'queue-controller': { driftInterval: '900ms' } }, "at '/queue-controller/driftInterval'"],
    ['a key below a global', { global: { bus: { tls: { on: true } } } }, "additional properties 'on' not allowed"],
    [
      'a flag that the chart sets itself',
      { autoscaler: { extraArgs: ['--http-port=1'] } },
      'extraArgs of the chart autoscaler has --http-port, which the chart sets itself',
    ],
    [
      'a flag that a value sets',
      { 'queue-controller': { extraArgs: ['--concurrency=1'] } },
      'extraArgs of the chart queue-controller has --concurrency, which the chart sets itself',
    ],
    ['a misspelt global', { global: { imagee: { tag: '1' } } }, 'global.imagee is unknown; there are global.image, '],
  ])('%s', async (_, values, message) => {
    await expect(render(umbrella, { values })).rejects.toThrow(message);
  });

  it.each(controllerCharts)('a misspelt global of %s alone', async (chart) => {
    const values = { global: { imagee: {} } };
    await expect(render(chartFolder(chart), { values })).rejects.toThrow('global.imagee is unknown');
  });
});

describe("as a part of somebody else's chart", () => {
  it.each(['redis-queue', ...controllerCharts] as const)('%s ignores the globals of the other parts', async (chart) => {
    const folder = temporaryFolder('parent');
    const dependencies = [{ name: chart, version: '0.1.0' }];
    const metadata = { apiVersion: 'v2', name: 'parent', type: 'application', version: '1.0.0', dependencies };
    writeFileSync(join(folder, 'Chart.yaml'), JSON.stringify(metadata));
    mkdirSync(join(folder, 'charts'));
    symlinkSync(chartFolder(chart), join(folder, 'charts', chart));
    const values = { global: { storageClass: 'fast' } };
    expect(kindsOf(await render(folder, { values }))).toContain('Deployment');
  });
});

describe('without a registry nothing is rendered, and the message says what to set:', () => {
  it.each(controllerCharts)('%s', async (chart) => {
    const message = `set global.image.registry, or image.registry of the chart ${chart}`;
    await expect(render(chartFolder(chart), { registry: false })).rejects.toThrow(message);
    const objects = await render(chartFolder(chart), {
      registry: false,
      values: { image: { registry: 'own.example' } },
    });
    expect(container(objects, `rq-${chart}`).image).toBe(`own.example/redis-queue/${chart}:0.1.0`);
  });

  it('redis-queue', async () => {
    await expect(render(umbrella, { registry: false })).rejects.toThrow('set global.image.registry');
  });

  it('but the definitions, which have no image', async () => {
    const enabled = Object.fromEntries(controllerCharts.map((chart) => [chart, { enabled: false }]));
    const objects = await render(umbrella, { registry: false, values: enabled });
    const clusterWide = ['ClusterRole', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];
    expect(kindsOf(objects)).toEqual(new Set(['CustomResourceDefinition', ...clusterWide]));
  });
});

it('a version with build metadata gives valid labels and a valid tag', async () => {
  const folder = temporaryFolder('metadata');
  await helm(['package', chartFolder('autoscaler'), '--destination', folder, ...BUILD]);
  const objects = await render(join(folder, 'autoscaler-0.2.0+build.7.tgz'));
  for (const { metadata } of objects) {
    expect(metadata.labels).toMatchObject({
      'helm.sh/chart': 'autoscaler-0.2.0_build.7',
      'app.kubernetes.io/version': '0.2.0_build.7',
    });
  }
  expect(container(objects, 'rq-autoscaler').image).toBe('registry.example/redis-queue/autoscaler:0.2.0_build.7');
});

/** What makes an object one: two with the same would overwrite each other, or Helm refuses them. */
const identity = ({ apiVersion, kind, metadata: { namespace = '', name } }: Rendered): string =>
  [apiVersion, kind, namespace, name].join(' ');

describe('no two objects have one kind, namespace and name:', () => {
  const scopes = [
    ['all namespaces', {}],
    ['a list of namespaces', { global: { namespaces: ['shop', 'redis', 'redis-queue'] } }],
  ] as const;
  const releases = charts.flatMap((chart) =>
    [
      [chart, 'redis-queue'],
      ['queue', 'redis'],
      ['rq', 'redis-queue'],
    ].flatMap(([release, namespace]) => scopes.map((scope) => [chart, release!, namespace!, ...scope] as const)),
  );

  it.each(releases)('%s as release %s in the namespace %s, for %s', async (chart, release, namespace, _, scope) => {
    const confined = 'global' in scope;
    const cluster = { clusterId: 'here' };
    const values = {
      ...scope,
      ...(confined && chart === 'redis-queue' && { 'queue-controller': cluster }),
      ...(confined && chart === 'queue-controller' && cluster),
    };
    const identities = (await render(chartFolder(chart), { release, namespace, values })).map(identity);
    expect(identities.filter((each, index) => identities.indexOf(each) !== index)).toEqual([]);
  });
});

describe('each controller', () => {
  it.each(controllerCharts)('%s renders alone, with nothing of the others', async (chart) => {
    const objects = await render(chartFolder(chart));
    expect(objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name)).toEqual([
      `rq-${chart}`,
    ]);
    expect(kindsOf(objects)).not.toContain('CustomResourceDefinition');
  });

  it('takes image, Secrets and bus from the globals, and its own value first', async () => {
    const objects = await render(umbrella, {
      values: {
        global: {
          image: { registry: 'registry.example:5000', tag: '2.0.0' },
          redis: { secretNames: ['redis-a', 'redis-b'] },
          bus: { secretName: 'the-bus' },
        },
        autoscaler: {
          image: { tag: `sha256:${'a'.repeat(64)}` },
          redis: { secretNames: ['redis-c'] },
          bus: { secretName: 'own-bus' },
        },
      },
    });
    const pool = container(objects, 'rq-workerpool-controller');
    expect(pool.image).toBe('registry.example:5000/redis-queue/workerpool-controller:2.0.0');
    expect(pool.args).toContain('--redis-secret-names=redis-a,redis-b');
    expect(busSecrets(pool)).toEqual(['the-bus']);

    const autoscaler = container(objects, 'rq-autoscaler');
    expect(autoscaler.image).toBe(`registry.example:5000/redis-queue/autoscaler@sha256:${'a'.repeat(64)}`);
    expect(autoscaler.args).toContain('--redis-secret-names=redis-c');
    expect(busSecrets(autoscaler)).toEqual(['own-bus']);

    expect(busSecrets(container(objects, 'rq-queue-controller'))).toEqual([]);
  });

  it('has no credential in its manifest: it reads the bus from a Secret, by name', async () => {
    const { args, env } = container(await render(chartFolder('autoscaler')), 'rq-autoscaler');
    expect(args).toContain('--bus-secret-name=redis-queue-bus');
    expect(env.map(({ name }) => name)).toEqual(['POD_NAME', 'POD_NAMESPACE', 'NODE_OPTIONS']);
  });

  it.each([
    ['its own value', own(true), true],
    ['the global', all(true), true],
    ['the global where its own is empty', { ...own(''), ...all(true) }, true],
    ['its own value, which turns the global off', { ...own(false), ...all(true) }, false],
    ['neither', {}, false],
  ])('speaks TLS to the bus by %s', async (_, values, expected) => {
    const { args } = container(await render(chartFolder('autoscaler'), { values }), 'rq-autoscaler');
    expect(args).toContain(`--bus-tls=${expected}`);
  });

  it('expects the name in the certificate of the bus that a value gives', async () => {
    const values = { global: { bus: { tls: { serverName: 'redis.example' } } } };
    const { args } = container(await render(chartFolder('autoscaler'), { values }), 'rq-autoscaler');
    expect(args).toContain('--bus-tls-server-name=redis.example');
  });

  it.each([
    ['its own value', { bus: { tls: { secretName: 'proof' } } }, ['proof']],
    ['the global', { global: { bus: { tls: { secretName: 'proof' } } } }, ['proof']],
    ['neither', {}, []],
    ['neither where it turns TLS off', { ...own(false), global: { bus: { tls: { secretName: 'proof' } } } }, []],
  ])('names the certificates for the bus by %s', async (_, values, names) => {
    const { args } = container(await render(chartFolder('autoscaler'), { values }), 'rq-autoscaler');
    expect(args.filter((arg) => arg.startsWith('--bus-tls-secret-name='))).toEqual(
      names.map((name) => `--bus-tls-secret-name=${name}`),
    );
  });

  it('works without the bus when that is off', async () => {
    const objects = await render(chartFolder('workerpool-controller'), { values: { bus: { enabled: false } } });
    expect(busSecrets(container(objects, 'rq-workerpool-controller'))).toEqual([]);
    expect(JSON.stringify(objects)).not.toContain('redis-queue-bus');
  });

  it('is refused without the bus where it has nothing else to do', async () => {
    const values = { autoscaler: { bus: { enabled: false } } };
    await expect(render(umbrella, { values })).rejects.toThrow(
      'bus.enabled of the chart autoscaler is false, and an autoscaler without the bus has nothing to do: leave the chart out (with the chart redis-queue: autoscaler.enabled=false)',
    );
  });

  it('gets a disruption budget with its second replica, not before', async () => {
    const [one, two] = [{ replicas: 1 }, { replicas: 2 }];
    expect(kindsOf(await render(chartFolder('autoscaler'), { values: one }))).not.toContain('PodDisruptionBudget');
    expect(kindsOf(await render(chartFolder('autoscaler'), { values: two }))).toContain('PodDisruptionBudget');
  });

  it('is monitored on request only, as the definitions for that may be missing', async () => {
    const monitored = {
      metrics: {
        serviceMonitor: { enabled: true, labels: { prometheus: 'main' } },
        workers: { podMonitor: { enabled: true } },
      },
    };
    const chart = chartFolder('workerpool-controller');
    const kinds = kindsOf(await render(chart));
    expect(kinds).not.toContain('ServiceMonitor');
    expect(kinds).not.toContain('PodMonitor');
    const monitoredKinds = kindsOf(await render(chart, { values: monitored }));
    expect(monitoredKinds).toContain('ServiceMonitor');
    expect(monitoredKinds).toContain('PodMonitor');
  });
});

describe('the definitions', () => {
  it.each([
    [{}, 'keep'],
    [{ keep: false }, undefined],
  ])('with %j are kept on uninstall: %s', async (values, policy) => {
    const objects = await render(chartFolder('redis-queue-crds'), { values });
    const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(
      definitions.map(({ metadata }) => [metadata.name, metadata.annotations?.['helm.sh/resource-policy']]),
    ).toEqual([
      ['queuebackups.redis-queue.io', policy],
      ['queuebackupschedules.redis-queue.io', policy],
      ['queueredrives.redis-queue.io', policy],
      ['queuerestores.redis-queue.io', policy],
      ['queues.redis-queue.io', policy],
      ['workerpools.redis-queue.io', policy],
    ]);
  });

  it('can be left out of the umbrella', async () => {
    const objects = await render(umbrella, { values: { crds: { enabled: false } } });
    expect(kindsOf(objects)).not.toContain('CustomResourceDefinition');
  });
});

function busSecrets({ args }: Container): string[] {
  return args.flatMap((argument) => /^--bus-secret-name=(.*)$/.exec(argument)?.[1] ?? []);
}
