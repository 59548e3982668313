import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { readResources } from './resources.ts';

/** A control group's files, as the kernel writes them. */
function cgroup(files: Record<string, string>): string {
  const folder = temporaryFolder('cgroup');
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

const CPU = 'usage_usec 12500000\nuser_usec 10000000\nsystem_usec 2500000\n';

it("reads the container's group: the working set, the limit, and how often the CPU limit stopped it", () => {
  const folder = cgroup({
    'memory.current': '209715200\n',
    'memory.stat': 'anon 104857600\nfile 104857600\ninactive_file 52428800\n',
    'memory.max': '536870912\n',
    'cpu.stat': `${CPU}nr_periods 1000\nnr_throttled 30\nthrottled_usec 90000\n`,
  });
  expect(readResources(folder)).toEqual({
    cpuSeconds: 12.5,
    memoryBytes: 157_286_400,
    memoryLimitBytes: 536_870_912,
    cpuPeriods: 1_000,
    cpuPeriodsThrottled: 30,
  });
});

it('knows no limit where there is none', () => {
  const folder = cgroup({ 'memory.current': '1000\n', 'memory.max': 'max\n', 'cpu.stat': CPU });
  expect(readResources(folder)).toEqual({ cpuSeconds: 12.5, memoryBytes: 1_000 });
});

it.each([
  ["a machine's root group, which counts every process", { 'cpu.stat': CPU }],
  ['no group of version 2', {}],
])('reads the process alone on %s', (_, files) => {
  const { cpuSeconds, memoryBytes, ...rest } = readResources(cgroup(files));
  expect(cpuSeconds).toBeGreaterThan(0);
  expect(cpuSeconds).not.toBe(12.5);
  expect(memoryBytes).toBeGreaterThan(1e7);
  expect(rest).toEqual({});
});
