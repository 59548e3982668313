import { expect, it } from 'vitest';
import { residentMib, settling } from './resident.ts';

it('memory has settled when six readings lie within 1 MiB', () => {
  const settled = settling();
  expect([40, 90, 95, 95.1, 95.2, 95, 95, 95.3].map((reading) => settled(reading))).toEqual([
    ...Array.from({ length: 7 }, () => undefined),
    95.3,
  ]);
});

it('resident memory of a process is read from the kernel', () => {
  expect(residentMib(process.pid)).toBeGreaterThan(10);
});
