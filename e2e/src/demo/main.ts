import { parseArgs } from 'node:util';
import { APP_NAMES } from '@redis-queue/rig';
import { applyExamples, removeChart, run, type Cluster, type OpenedCluster } from '@redis-queue/rig/pods';
import { openCluster } from '../cluster/open.ts';
import { DEMO_BURST } from '../ledger/plan.ts';
import { installSiteChart, queueExample } from '../site/install.ts';
import { createSite, type Site } from '../site/site.ts';
import { runBurst } from './burst.ts';
import { demoResult, shortcomings } from './result.ts';
import { narrator } from './narrator.ts';

const HELP = `make demo: the whole product on a real cluster.

A cluster from processes on this machine, the charts, a Redis user per role, a Queue and a WorkerPool, a burst of 3,000
jobs in every form that BullMQ offers. Shows the pool go from 0 pods to many and back, then accounts for every job by its
id.

  --kube-context NAME   use that context of your kubeconfig instead, in a namespace of its own that is removed at the end
  --keep                leave the cluster (or the namespace) as it is at the end, to look around
  --help                this text

The last line of standard output is one JSON object; everything else goes to standard error. Exits with 0 only when no job
was lost or done twice and the pool is back at 0.
`;

const NAMESPACE = 'redis-queue-demo';
const RELEASE = 'redis-queue';
const say = narrator(process.stderr);

async function prepare(cluster: Cluster): Promise<Site> {
  say.step(`Redis in namespace ${NAMESPACE}, with a user and a Secret per role (make redis-users)`);
  const site = await createSite(cluster, NAMESPACE);
  say.step(`helm install charts/redis-queue: the definitions and ${APP_NAMES.length} controllers`);
  const crdsThere = await run(cluster.kubectl, [
    'get',
    'crd',
    '-o',
    'name',
    '--ignore-not-found',
    'queues.redis-queue.io',
  ]);
  await installSiteChart(cluster, site, RELEASE, {
    'crds.keep': 'false',
    ...(crdsThere ? { 'crds.enabled': 'false' } : {}),
  });
  say.step('kubectl apply -f examples: Queue emails, WorkerPool email-workers');
  await applyExamples(cluster, NAMESPACE, {}, queueExample(site));
  for (const object of ['queue/emails', 'workerpool/email-workers']) {
    await run(cluster.kubectl, ['wait', '-n', NAMESPACE, object, '--for=condition=Ready', '--timeout=60s']);
  }
  return site;
}

async function clean(cluster: OpenedCluster, keep: boolean): Promise<void> {
  if (keep) {
    say.note(
      `left as it is: ${[cluster.kubectl.program, ...cluster.kubectl.args].join(' ')} -n ${NAMESPACE} describe workerpool email-workers`,
    );
    return;
  }
  say.step('cleaning up');
  if (!cluster.ours) {
    await removeChart(cluster, NAMESPACE, RELEASE);
    await run(cluster.kubectl, ['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=60s']);
  }
  await cluster.end();
}

async function demo(context: string | undefined, keep: boolean): Promise<number> {
  say.step(
    context
      ? `building images for context ${context}`
      : 'building images, starting a Kubernetes cluster from processes',
  );
  const cluster = await openCluster('demo', context, say.note);
  try {
    const site = await prepare(cluster);
    say.step('3,000 jobs: plain, bulk, prioritised, delayed, LIFO, retried, failing, flows, a scheduler');
    say.quiet();
    const { ledger, course } = await runBurst({
      cluster,
      site,
      queue: 'emails',
      pool: 'email-workers',
      size: DEMO_BURST,
    });
    say.step('what the pool says of itself');
    say.note(await run(cluster.kubectl, ['get', '-n', NAMESPACE, 'queues.redis-queue.io,workerpools.redis-queue.io']));
    const wrong = shortcomings(ledger, course);
    say.step(
      `the ledger: ${ledger.added} jobs added, ${ledger.completed} completed, ${ledger.failed} failed as planned`,
    );
    for (const why of wrong) say.note(`✘ ${why}`);
    if (wrong.length === 0) say.note('✔ none lost, none done twice; the pool went from 0 to many pods and back to 0');
    else await diagnose(cluster);
    await clean(cluster, keep);
    console.log(JSON.stringify(demoResult(ledger, course)));
    return wrong.length === 0 ? 0 : 1;
  } catch (error) {
    await diagnose(cluster);
    if (!keep) await clean(cluster, false).catch(() => cluster.end());
    throw error;
  }
}

/** What to read first when the demo did not come out as it should. */
async function diagnose({ kubectl }: Cluster): Promise<void> {
  const commands = [
    ['get', 'pods,deployments', '-o', 'wide'],
    ['describe', 'workerpools.redis-queue.io'],
    ['get', 'events', '--sort-by=.lastTimestamp'],
    ...APP_NAMES.map((app) => ['logs', '--tail=15', '--prefix', '-l', `app.kubernetes.io/name=${app}`]),
  ];
  for (const command of commands) {
    say.note(`$ kubectl ${command.join(' ')}`);
    say.note(await run(kubectl, [...command, '-n', NAMESPACE]).catch((error: Error) => error.message));
  }
}

const { values } = parseArgs({
  options: { 'kube-context': { type: 'string' }, keep: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help) {
  console.log(HELP);
} else {
  try {
    process.exitCode = await demo(values['kube-context'], values.keep ?? false);
  } catch (error) {
    say.note(`✘ the demo failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  } finally {
    say.end();
  }
}
