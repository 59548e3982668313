import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { workspaceRoot } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { createWorkerMetrics } from './observability/metrics.ts';
import { Slots } from './queues/slots.ts';

const [page, contract] = ['docs/workers.md', 'docs/pod-contract.md'].map((file) =>
  readFileSync(join(workspaceRoot, file), 'utf8'),
) as [string, string];
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
  const read = [
    ...`${source('environment/config.ts')}${source('environment/redis-env.ts')}`.matchAll(
      /\b(?:RQ|REDIS)_[A-Z_]*[A-Z]\b/g,
    ),
  ];
  const names = [...new Set(read.map(([name]) => name))];
  expect(names).toContain('RQ_QUEUES');
  expect(names).toContain('REDIS_URL');
  expect(names.filter((name) => !contract.includes(`\`${name}\``))).toEqual([]);
});
