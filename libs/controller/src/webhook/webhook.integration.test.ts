import { X509Certificate } from 'node:crypto';
import { eventually, startControlPlane, type ControlPlane } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { createManager } from '../manager/manager.ts';
import {
  keyOf,
  SECRETS,
  MUTATING_WEBHOOK_CONFIGURATIONS,
  VALIDATING_WEBHOOK_CONFIGURATIONS,
  type Resource,
} from '../objects/resources.ts';
import { installWidgets, silentLog, widget, WIDGETS, type Widget } from '../testing/widgets.ts';
import type { CertificateTimes } from './certificate-plan.ts';
import { readCertificates, type CertificateSecret } from './certificate-secret.ts';
import { serveAdmission } from './serve-admission.ts';
import type { KindAdmission } from './types.ts';
import type { WebhookServer } from './webhook-server.ts';

const NAMES = ['localhost'];
const CONFIGURATION = 'widgets.test.example';
/** Fast enough to see it turn, slow enough for the API server to follow. */
const TIMES: CertificateTimes = { validMs: 60_000, renewMs: 55_000, publishedMs: 2_000, servedMs: 2_000 };

const sizes: KindAdmission<Widget> = {
  kind: 'widget',
  async validate({ object, signal }) {
    const { size } = object.spec;
    if (size === 13) throw new Error('unlucky');
    if (size === 99) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return {
      refusals: size > 100 ? [`spec.size: ${size} is more than 100; choose less`] : [],
      warnings: size > 10 ? [`spec.size: ${size} is large`] : [],
    };
  },
  mutate: ({ object }) => ({
    additions: object.metadata.labels ? [] : [{ op: 'add', path: '/metadata/labels', value: { by: 'default' } }],
  }),
};

let controlPlane: ControlPlane;
let client: KubeClient;
let namespace: string;
let stop: () => Promise<void>;
let server: WebhookServer;
const secret = { namespace: 'default', name: 'widget-webhook' };

beforeAll(async () => {
  controlPlane = await startControlPlane();
  client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  await installWidgets(controlPlane);
  await client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: secret });
  const ended = new AbortController();
  const manager = createManager({
    name: 'webhook-test',
    client: loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath }),
    log: silentLog,
    registry: new Registry(),
    leaderElection: false,
  });
  server = serveAdmission(manager, {
    port: 0,
    host: '127.0.0.1',
    secret,
    certificates: 'own',
    configuration: CONFIGURATION,
    names: NAMES,
    kinds: [sizes],
    times: TIMES,
  });
  const running = manager.run(ended.signal);
  await eventually(() => server.port !== undefined && server.hasCertificate);
  await configure(server.port!);
  await eventually(async () => (await bundleOf(VALIDATING_WEBHOOK_CONFIGURATIONS)) !== undefined);
  await eventually(async () => (await bundleOf(MUTATING_WEBHOOK_CONFIGURATIONS)) !== undefined);
  stop = async () => {
    ended.abort();
    await running;
  };
});
afterAll(async () => {
  await stop?.();
  await client?.close();
  await controlPlane?.stop();
});
beforeEach(async () => {
  namespace = await controlPlane.createNamespace('webhook');
});

/** As the chart has it: what passes anyway does not go over the network. */
async function configure(port: number): Promise<void> {
  const webhook = (verb: string) => ({
    name: `${verb}.widgets.test.example`,
    clientConfig: { url: `https://localhost:${port}/${verb}/widget` },
    rules: [
      { apiGroups: ['test.example'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['widgets'] },
    ],
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    timeoutSeconds: 2,
    failurePolicy: 'Fail',
    matchConditions: [
      { name: 'not-being-deleted', expression: '!has(object.metadata.deletionTimestamp)' },
      { name: 'spec-changes', expression: 'oldObject == null || object.?spec != oldObject.?spec' },
    ],
  });
  const of = (kind: string, verb: string) =>
    controlPlane.apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind,
      metadata: { name: CONFIGURATION },
      webhooks: [webhook(verb)],
    });
  await of('ValidatingWebhookConfiguration', 'validate');
  await of('MutatingWebhookConfiguration', 'mutate');
}

async function bundleOf(type: typeof VALIDATING_WEBHOOK_CONFIGURATIONS): Promise<string | undefined> {
  const found = await client.get<Resource & { webhooks?: { clientConfig: { caBundle?: string } }[] }>(type, {
    name: CONFIGURATION,
  });
  return found?.webhooks?.[0]?.clientConfig.caBundle;
}

/** Until the API server has seen the configuration, which it does by a watch. */
async function created(object: Widget): Promise<Widget> {
  return await eventually(async () => await client.create<Widget>(WIDGETS, object));
}

describe('the API server asks the webhooks', () => {
  it('refuses what is refused, with the words of the rule, and gives defaults', async () => {
    const small = await created(widget(namespace, 'small'));
    expect(small.metadata.labels).toEqual({ by: 'default' });
    const why = 'spec.size: 101 is more than 100; choose less';
    await expect(client.create(WIDGETS, widget(namespace, 'huge', 101))).rejects.toThrow(why);
    await expect(client.mergePatch(WIDGETS, keyOf(small), { spec: { size: 101 } })).rejects.toThrow(why);
    expect(await client.get<Widget>(WIDGETS, keyOf(small))).toMatchObject({ spec: { size: 1 } });
  });

  it('passes what it cannot judge in time, or fails to, with a warning', async () => {
    for (const [name, size] of [
      ['slow', 99],
      ['unlucky', 13],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- two
      expect((await created(widget(namespace, name, size))).spec.size).toBe(size);
    }
  });
});

it('turns its certificate, each CA known before its leaf is served, without one refusal', async () => {
  const served = new Set<string>();
  const errors: unknown[] = [];
  await eventually(
    async () => {
      await client
        .create(WIDGETS, widget(namespace, 'turns'), { dryRun: true })
        .catch((error: unknown) => errors.push(error));
      const stored = readCertificates(await client.get<CertificateSecret>(SECRETS, secret), NAMES);
      served.add(new X509Certificate(stored.served!.cert).serialNumber);
      return served.size >= 4;
    },
    { timeoutMs: 60_000 },
  );
  expect(errors).toEqual([]);
});
