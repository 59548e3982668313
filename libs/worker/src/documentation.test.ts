import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { workspaceRoot } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { createWorkerMetrics } from './observability/metrics.ts';
import { Slots } from './queues/slots.ts';

const page = readFileSync(join(workspaceRoot, 'docs/workers.md'), 'utf8');
const source = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');

it('names every metric of a pod', () => {
  const names = createWorkerMetrics(new Slots(1), () => true)
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
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

it.each(['plain-connection.fixture.ts', 'plain_connection.py'])(
  'has %s as it is tried on Sentinels and a Cluster',
  (file) => {
    const topologies = readFileSync(join(workspaceRoot, 'docs/redis-topologies.md'), 'utf8');
    expect(topologies).toContain(source(`pod/${file}`).trim());
  },
);
