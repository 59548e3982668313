import { expect, it } from 'vitest';
import { processCpuMs } from './process-cpu.ts';

it('what a process uses is read from the kernel', () => {
  const fromMs = processCpuMs(process.pid);
  const { user, system } = process.cpuUsage();
  expect(Math.abs(fromMs - (user + system) / 1_000)).toBeLessThan(100);
  while (processCpuMs(process.pid) < fromMs + 50) JSON.stringify(process.versions);
  expect(processCpuMs(process.pid)).toBeGreaterThanOrEqual(fromMs + 50);
});
