import { describe, expect, it } from 'vitest';
import { checkConformance } from './conformance.ts';
import { ROWS } from './rows.ts';
import { EXAMPLES } from './examples.ts';
import { processRuntime } from './processes.ts';
import { EXAMPLE } from './subjects.ts';

// Those that wait for locks to end are left to `make conformance`; each has its test beside the worker it is about.
const rows = ROWS.filter(({ slow }) => !slow);

describe('the level of the pod contract that an example image keeps', () => {
  it.concurrent.each([
    { image: 'the example worker', example: EXAMPLES.worker, level: 2, lacks: undefined },
    { image: 'the example worker in Python', example: EXAMPLES['python-worker'], level: 1, lacks: 'shares its slots' },
    { image: 'plain BullMQ', example: EXAMPLES.plain, level: 0, lacks: 'hands back what runs' },
  ])(
    '$image: $level',
    async ({ example, level, lacks }) => {
      // one row above its level says enough: most of the others wait for long
      const checked = rows.filter((row) => row.level <= level || (lacks !== undefined && row.what.startsWith(lacks)));
      const conformance = await checkConformance(EXAMPLE, processRuntime(await example.command()), {
        rows: checked,
        patience: 5,
      });
      const faults = conformance.outcomes.flatMap(({ row, fault }) =>
        fault === undefined || row.level > level ? [] : [`${row.what}: ${fault}`],
      );
      expect(faults).toEqual([]);
      expect(conformance.level).toBe(level);
    },
    600_000,
  );
});
