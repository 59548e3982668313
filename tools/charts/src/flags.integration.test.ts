import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { APP_NAMES, APPS, type AppName } from '@redis-queue/api';
import { workspaceRoot } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { controllers } from './controllers.ts';
import { chartFolder, render } from './rendering/helm.ts';

/** The flags that --help lists, with their defaults; '' for one that has none. */
async function flagsOf(app: AppName): Promise<Map<string, string>> {
  const main = join(workspaceRoot, 'apps', app, 'src/main.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--help'], { timeout: 30_000 });
  const lines = stdout.matchAll(/^ {2}--([a-z-]+) .*?(?:\(default (.*)\))?$/gm);
  return new Map([...lines].map(([, flag, value]) => [flag!, value ?? '']));
}

/** The arguments of the chart's container, and of its hook's where that is asked for, as flag and value. */
async function argumentsOf(app: AppName, values: object, of = ['Deployment']): Promise<Map<string, string>> {
  const owners = (await render(chartFolder(app), { values })).filter(({ kind }) => of.includes(kind));
  const args = owners.flatMap((owner) => {
    const { spec } = owner as unknown as { spec: { template: { spec: { containers: [{ args: string[] }] } } } };
    return spec.template.spec.containers[0].args;
  });
  return new Map(args.map((each) => /^--([a-z-]+)=(.*)$/.exec(each)!.slice(1) as [string, string]));
}

/** The flag of a value: podStartTime is pod-start-time. */
const kebab = (value: string): string => value.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** What a cluster sets for the app or nobody needs there: reachable by extraArgs alone. */
const RARE = ['kubeconfig', 'leader-elect', 'lease-namespace'];
/** Values that make a chart pass every flag that it passes at all. */
const everythingOf = (app: AppName): object => ({
  namespaces: ['shop'],
  ...(APPS[app].capabilities.includes('bus') && { bus: { tls: { secretName: 'proof', serverName: 'redis.example' } } }),
  ...(app === 'queue-controller' && { clusterId: 'here' }),
  ...(app === 'workerpool-controller' && { workers: { secretNames: ['mail-api'] } }),
  ...(app === 'backup-controller' && { storage: { volume: { claimName: 'backups' } } }),
});

describe.each(APP_NAMES)('the flags of %s', (app) => {
  const { settings } = controllers.find(({ name }) => name === app)!;

  it('are each set by a value, but for those that extraArgs set, and the chart passes no other', async () => {
    const flags = [...(await flagsOf(app)).keys()];
    const passed = await argumentsOf(app, everythingOf(app), ['Deployment', 'Job']);
    // A controller that is confined to namespaces serves no webhooks.
    const webhooks = APPS[app].capabilities.includes('webhooks')
      ? await argumentsOf(app, { webhooks: { enabled: true } })
      : new Map<string, string>();
    const all = new Set([...passed.keys(), ...webhooks.keys(), ...RARE]);
    expect([...all].toSorted()).toEqual(flags.toSorted());
  });

  it('that no value sets are passed on from extraArgs', async () => {
    const passed = await argumentsOf(app, { extraArgs: ['--kubeconfig=/file', '--leader-elect=true'] });
    expect([passed.get('kubeconfig'), passed.get('leader-elect')]).toEqual(['/file', 'true']);
  });

  it.each([
    ['--leader-elect=false', 'has --leader-elect=false: a rollout lets the old and the new pod overlap'],
    ['--lease-namespace=elsewhere', 'has --lease-namespace: the right to the Lease is in the namespace of the release'],
    ['--pod-start-tim=5s', `has --pod-start-tim, which the ${app} does not have`],
    ['--lease-name=other', 'has --lease-name, which the chart sets itself'],
  ])('take no %s from extraArgs', async (extra, message) => {
    await expect(argumentsOf(app, { extraArgs: [extra] })).rejects.toThrow(`extraArgs of the chart ${app} ${message}`);
  });

  it('have the defaults that values.yaml shows', async () => {
    const flags = await flagsOf(app);
    const values = parse(readFileSync(join(chartFolder(app), 'values.yaml'), 'utf8')) as Record<string, unknown>;
    const shown = settings.map(({ value }) => [kebab(value), String(values[value])]);
    expect(shown).toEqual(settings.map(({ value }) => [kebab(value), flags.get(kebab(value))]));
  });
});

it.each([
  ['queue-controller', { concurrency: 3 }, 'concurrency', '3'],
  ['queue-controller', { concurrency: 1_000 }, 'concurrency', '1000'],
  ['queue-controller', { driftInterval: '2m' }, 'drift-interval', '2m'],
  ['queue-controller', { sampleInterval: '10s' }, 'sample-interval', '10s'],
  ['workerpool-controller', { concurrency: 16 }, 'concurrency', '16'],
  ['autoscaler', { podStartTime: '45s' }, 'pod-start-time', '45s'],
  ['autoscaler', { nodeStartTime: '15m' }, 'node-start-time', '15m'],
  ['queue-controller', { webhooks: { enabled: true, port: 9_444 } }, 'webhook-port', '9444'],
  ['queue-controller', { webhooks: { enabled: true } }, 'webhook-certificates', 'own'],
  [
    'queue-controller',
    { webhooks: { enabled: true, certManagerCertificate: 'webhook' } },
    'webhook-certificates',
    'secret',
  ],
  ['backup-controller', { runs: 8 }, 'runs', '8'],
  ['backup-controller', { storage: { podIdentity: true } }, 'pod-identity', 'true'],
] as const)('%s with %j gets --%s=%s', async (app, values, flag, expected) => {
  expect((await argumentsOf(app, values)).get(flag)).toBe(expected);
});
