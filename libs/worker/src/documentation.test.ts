import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { workspaceRoot } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { createWorkerMetrics } from './observability/metrics.ts';
import { Slots } from './queues/slots.ts';
import { checkWorkerOptions } from './queues/worker-options.ts';

const [page, contract, migration] = ['workers.md', 'pod-contract.md', 'migrate-from-bullmq-worker.md'].map((file) =>
  readFileSync(join(workspaceRoot, 'docs', file), 'utf8'),
) as [string, string, string];
const source = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');

it('names every metric of a pod', () => {
  const names = createWorkerMetrics(
    new Slots(1),
    () => true,
    () => 0,
  )
    .registry.getMetricsAsArray()
    .map(({ name }) => name)
    .filter((name) => name.startsWith('redis_queue_'));
  expect(names.length).toBeGreaterThan(3);
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

it('names every variable of the pod contract that is read', () => {
  const files = ['config.ts', 'redis-env.ts', 'sentinel-env.ts'].map((file) => source(`environment/${file}`));
  const read = [...files.join('').matchAll(/\b(?:RQ|REDIS)_[A-Z_]*[A-Z]\b/g)];
  const names = [...new Set(read.map(([name]) => name))];
  expect(names).toContain('RQ_QUEUES');
  expect(names).toContain('REDIS_URL');
  expect(names.filter((name) => !contract.includes(`\`${name}\``))).toEqual([]);
});

describe.each(['bullmq', 'bullmq-5'])('who migrates is told of each option of a worker in %s', (version) => {
  const interfaces = join(dirname(createRequire(import.meta.url).resolve(version)), '../esm/interfaces');
  const declared = ['worker-options', 'sandboxed-options', 'queue-options'].flatMap((file) => {
    const text = readFileSync(join(interfaces, `${file}.d.ts`), 'utf8').replaceAll(/\/\*.*?\*\//gs, '');
    const ofWorkers =
      /interface (?:WorkerOptions|SandboxedOptions|QueueBaseOptions|KeyPrefixOptions)\b[^{]*\{([^}]*)\}/g;
    const members = [...text.matchAll(ofWorkers)].flatMap(([, body = '']) => [...body.matchAll(/^ {4}(\w+)\??:/gm)]);
    return members.map(([, name]) => name!);
  });
  const rows = migration.split('\n').filter((line) => line.startsWith('|'));

  it('of all that there are', () => {
    expect(declared).toEqual(expect.arrayContaining(['lockDuration', 'connection', 'useWorkerThreads']));
  });

  it.each(declared)('of %s, whether it is refused', (name) => {
    const [, , what] = rows.find((row) => row.split('|')[1]!.includes(`\`${name}\``))?.split('|') ?? [];
    const word = /^ (refused|passed on)\b/.exec(what ?? '')?.[1];
    expect({ name, word }).toEqual({ name, word: isTaken(name) ? 'passed on' : 'refused' });
  });
});

function isTaken(name: string): boolean {
  try {
    checkWorkerOptions('workerOptions', { [name]: null });
    return true;
  } catch (error) {
    // Others are taken, with another value.
    return !(error as Error).message.includes('is not taken');
  }
}

it('says the same of versions wherever it is said', () => {
  const { peerDependencies } = JSON.parse(source('../package.json')) as { peerDependencies: Record<string, string> };
  const { bullmq = '' } = peerDependencies;
  const from = [...bullmq.matchAll(/\^(\d+\.\d+\.\d+)/g)].map(([, version]) => version!);
  expect(from).toHaveLength(2);
  const places = {
    'unusable.ts': source('bullmq/unusable.ts'),
    'README.md': source('../README.md'),
    'docs/workers.md': page,
    'docs/migrate-from-bullmq-worker.md': migration,
  };
  const silent = Object.entries(places).filter(([, text]) => !from.every((version) => text.includes(version)));
  expect(silent.map(([name]) => name)).toEqual([]);
});

it.each(['plain-connection.fixture.ts', 'plain_connection.py'])(
  'has %s as it is tried on Sentinels and a Cluster',
  (file) => {
    const topologies = readFileSync(join(workspaceRoot, 'docs/redis-topologies.md'), 'utf8');
    expect(topologies).toContain(source(`pod/${file}`).trim());
  },
);
