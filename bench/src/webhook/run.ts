import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES } from '@redis-queue/api';
import { bundle } from '@redis-queue/build';
import { loadKubeClient, SECRETS, type KubeClient, type Resource } from '@redis-queue/controller';
import {
  eventually,
  freePort,
  startControlPlane,
  startProcess,
  startRedis,
  temporaryFolder,
  type ControlPlane,
} from '@redis-queue/rig';
import { hundredths, percentile, tenths } from '../measuring/percentile.ts';
import { samplesOf, sumBy } from '../measuring/prometheus.ts';
import { residentMib } from '../measuring/resident.ts';

export interface WebhookBenchOptions {
  /** Dry-run creates per second. */
  readonly perSecond: number;
  /** Of creates that the webhook is asked about, and as long of others. */
  readonly seconds: number;
  /** Length of a turn, with or without the webhook. */
  readonly turnSeconds: number;
  /** Queues that there are. */
  readonly queues: number;
  /** How often the certificate changes at least. */
  readonly rotations: number;
  readonly progress: (message: string) => void;
}

export interface WebhookReport {
  readonly creates: number;
  /** Creates that were refused or failed, with the webhook or without. */
  readonly errors: number;
  /** Of the calls of the webhook, as the API server measures them. */
  readonly within25MsShare: number;
  /** Median of a create with the webhook, less that of one without. */
  readonly p50AddedMs: number;
  readonly p99AddedMs: number;
  /** Certificates that were served meanwhile, less one. */
  readonly rotations: number;
  readonly rssMib: number;
  readonly rows: readonly object[];
}

const NAME = 'queue-webhook';
const NAMESPACE = 'default';
const ASKED = 'asked';
const NOT_ASKED = 'not-asked';
const CREATE_TIMEOUT_MS = 10_000;

/** Dry-run creates of Queues in two namespaces in turns, of which the webhook is asked about one. */
export async function runWebhook(options: WebhookBenchOptions): Promise<WebhookReport> {
  const { perSecond, seconds, turnSeconds, queues, rotations, progress } = options;
  await using stack = new AsyncDisposableStack();
  const [controlPlane, redis] = await Promise.all([startControlPlane({ crds: true }), startRedis()]);
  stack.use(controlPlane);
  stack.use(redis);
  const client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  stack.defer(() => client.close());
  const port = await freePort();
  await controlPlane.apply(namespaces(redis.url));
  progress(`creates ${queues} Queues`);
  for (let index = 0; index < queues; index++) await client.create(QUEUES, queue(ASKED, `queue-${index}`));
  await controlPlane.apply(installed(port));
  // So many certificates within the measurement, whatever it takes to create Queues before.
  const everyMs = (2 * seconds * 1_000) / (rotations + 2);
  const times = { validMs: 600_000, renewMs: 600_000 - everyMs, publishedMs: everyMs / 2, servedMs: everyMs / 4 };
  // As the image has it: one file takes less memory than its sources.
  const { file } = await bundle(join(import.meta.dirname, 'controller-process.ts'), temporaryFolder('webhook'));
  const controller = startProcess(process.execPath, [file], {
    env: {
      KUBECONFIG: controlPlane.kubeconfigPath,
      NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=80',
      WEBHOOKS: JSON.stringify({
        port,
        host: '127.0.0.1',
        secret: { namespace: NAMESPACE, name: NAME },
        certificates: 'own',
        configuration: NAME,
        names: [`${NAME}.${NAMESPACE}.svc`],
        times,
      }),
    },
  });
  stack.defer(() => void controller.stop());
  const isAsked = async (): Promise<boolean> =>
    await client.create(QUEUES, queue(ASKED, 'probe', 'queue-0'), { dryRun: true }).then(
      () => false,
      (error: Error) => error.message.includes('governs'),
    );
  await eventually(isAsked, { timeoutMs: 120_000, description: 'the webhook to refuse a name that is taken' });

  const measured: Record<string, number[]> = { [ASKED]: [], [NOT_ASKED]: [] };
  const certificates = new Set<string>();
  let errors = 0;
  const create = async (namespace: string, index: number): Promise<void> => {
    const beganMs = performance.now();
    try {
      const signal = AbortSignal.timeout(CREATE_TIMEOUT_MS);
      await client.create(QUEUES, queue(namespace, `new-${index}`), { dryRun: true, signal });
      measured[namespace]!.push(performance.now() - beganMs);
    } catch (error) {
      errors++;
      progress(`a create failed: ${(error as Error).message}`);
    }
  };
  let sent = 0;
  let before = await withinBuckets(controlPlane);
  // The first two turns warm the code of both servers up; what fails in them counts.
  for (let turn = -2; turn < (2 * seconds) / turnSeconds; turn++) {
    const namespace = turn % 2 === 0 ? ASKED : NOT_ASKED;
    if (turn === 0) {
      before = await withinBuckets(controlPlane);
      for (const each of Object.values(measured)) each.length = 0;
      certificates.clear();
    }
    progress(`${turnSeconds} s ${turn % 2 === 0 ? 'with' : 'without'} the webhook`);
    sent += await atRate(perSecond, turnSeconds, (index) => create(namespace, sent + index));
    certificates.add(await certificateOf(client));
  }
  const after = await withinBuckets(controlPlane);
  const at = (namespace: string, fraction: number): number => percentile(measured[namespace]!, fraction);
  const row = (namespace: string): object => ({
    webhook: namespace === ASKED ? 'asked' : 'not asked',
    creates: measured[namespace]!.length,
    p50Ms: tenths(at(namespace, 0.5)),
    p99Ms: tenths(at(namespace, 0.99)),
    maxMs: tenths(at(namespace, 1)),
  });
  return {
    creates: sent,
    errors,
    within25MsShare: hundredths((after.within - before.within) / (after.all - before.all)),
    p50AddedMs: tenths(at(ASKED, 0.5) - at(NOT_ASKED, 0.5)),
    p99AddedMs: tenths(at(ASKED, 0.99) - at(NOT_ASKED, 0.99)),
    rotations: certificates.size - 1,
    rssMib: tenths(residentMib(controller.pid)),
    rows: [row(ASKED), row(NOT_ASKED)],
  };
}

const queue = (namespace: string, name: string, inRedis?: string): Resource & { spec: object } => ({
  apiVersion: 'redis-queue.io/v1',
  kind: 'Queue',
  metadata: { namespace, name },
  spec: { rateLimits: { maxJobsPerSecond: 100 }, ...(inRedis !== undefined && { name: inRedis }) },
});

/** Starts `perSecond` runs per second, evenly, whatever they take. @returns how many, once all have ended. */
async function atRate(perSecond: number, seconds: number, run: (index: number) => Promise<void>): Promise<number> {
  const runs: Promise<void>[] = [];
  const beganMs = performance.now();
  while (runs.length < perSecond * seconds) {
    const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - beganMs) / 1_000) * perSecond));
    while (runs.length < due) runs.push(run(runs.length));
    await sleep(2);
  }
  await Promise.all(runs);
  return runs.length;
}

function namespaces(redisUrl: string): object[] {
  const secret = { apiVersion: 'v1', kind: 'Secret', stringData: { 'redis-url': redisUrl } };
  return [
    ...[ASKED, NOT_ASKED].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    { ...secret, metadata: { name: 'redis-credentials', namespace: ASKED } },
  ];
}

/** What the chart installs, with a Service that the API server reaches without a network of its own. */
function installed(port: number): object[] {
  const metadata = { name: NAME, namespace: NAMESPACE };
  const webhook = {
    name: 'validate.queues.redis-queue.io',
    clientConfig: { service: { name: NAME, namespace: NAMESPACE, port, path: '/validate/queue' } },
    rules: [
      { apiGroups: ['redis-queue.io'], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['queues'] },
    ],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': ASKED } },
    failurePolicy: 'Fail',
    sideEffects: 'None',
    timeoutSeconds: 5,
    admissionReviewVersions: ['v1'],
    matchConditions: [{ name: 'spec-changes', expression: 'oldObject == null || object.?spec != oldObject.?spec' }],
  };
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'ExternalName', externalName: '127.0.0.1' } },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: NAME },
      webhooks: [webhook],
    },
  ];
}

async function certificateOf(client: KubeClient): Promise<string> {
  const secret = await client.get<Resource & { data?: Record<string, string> }>(SECRETS, {
    namespace: NAMESPACE,
    name: NAME,
  });
  return secret?.data?.['tls.crt'] ?? '';
}

/** How many calls of the webhook took 25 ms or less, and all, by the metrics of the API server. */
async function withinBuckets(controlPlane: ControlPlane): Promise<{ within: number; all: number }> {
  const page = await controlPlane.kubectl('get', '--raw', '/metrics');
  const samples = samplesOf(page, 'apiserver_admission_webhook_admission_duration_seconds_bucket');
  const buckets = sumBy(samples, ({ name, le }) => (name === 'validate.queues.redis-queue.io' ? le : undefined));
  return { within: buckets.get('0.025') ?? 0, all: buckets.get('+Inf') ?? 0 };
}
