import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { PoolMetrics } from './metrics.ts';

const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
const metrics = await registered();

async function registered() {
  const registry = new Registry();
  expect(new PoolMetrics(registry)).toBeDefined();
  return registry.getMetricsAsJSON();
}

it.each(metrics.map(({ name, help, values }) => ({ name, help, values })))(
  '$name is there from the start, and the reference explains it and its labels',
  ({ name, help, values }) => {
    expect(help).toMatch(/^[A-Z].*\.$/);
    expect(values.length).toBeGreaterThan(0);
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    const labels = values.flatMap((value) => Object.entries(value.labels)).filter(([label]) => label !== 'le');
    expect(labels.filter(([, value]) => !row.includes(`\`${value}\``))).toEqual([]);
    expect(row).not.toBe('');
  },
);
