// make jobs
import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { findCluster } from '@redis-queue/cluster';
import { program } from '@redis-queue/rig';
import { exampleJobs } from './example-jobs.ts';
import { NAMESPACE, readPassword, REDIS_PORT } from './site.ts';

const USAGE = `make jobs [COUNT=200] [KUBE_CONTEXT=NAME]

Adds jobs to the example queue while \`make dev\` runs.

  --count=NUMBER        jobs to add, a whole number from 1; default 200
  --kube-context=NAME   the cluster that \`make dev KUBE_CONTEXT=NAME\` uses; default: the one that \`make dev\` started
  --help                this text
`;

const OPTIONS = {
  count: { type: 'string', default: '200' },
  'kube-context': { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Redis of the example: over its NodePort, or over the tunnel that a `make dev` on a cluster of the user's holds. */
async function exampleRedis(context: string | undefined): Promise<{ host: string; port: number; password: string }> {
  const cluster = context ? undefined : findCluster('dev');
  if (!context && cluster?.nodeAddress === undefined) throw new Error('no cluster dev runs; start it: make dev');
  const kubectl = cluster
    ? { program: program('kube'), args: ['kubectl', `--kubeconfig=${cluster.kubeconfigPath}`] }
    : { program: 'kubectl', args: [`--context=${context}`] };
  const password = await readPassword({ kubectl });
  if (password === undefined) throw new Error(`no Redis in namespace ${NAMESPACE}; start it: make dev`);
  return { host: cluster?.nodeAddress ?? '127.0.0.1', port: REDIS_PORT, password };
}

try {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const count = Number(values.count);
  if (!Number.isInteger(count) || count < 1) throw new Error(`COUNT=${values.count}: a whole number from 1`);
  const connection = { ...(await exampleRedis(values['kube-context'] || undefined)), connectTimeout: 5000 };
  const queue = new Queue('emails', { connection: { ...connection, retryStrategy: () => null } });
  queue.on('error', () => undefined); // the command fails with the same error
  await queue.addBulk(exampleJobs(count, String(Date.now())));
  console.log(`${count} jobs added; each computes a little and waits up to 1 s`);
  await queue.close();
  process.exit(0);
} catch (error) {
  console.error(`✘ ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
