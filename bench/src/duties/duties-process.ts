// One run of the rows with the BullMQ that `bullmq` resolves to; started once per version by the bench.
import { createRequire } from 'node:module';
import { playRows } from './play.ts';
import { ROWS } from './rows/rows.ts';

const [port, atOnce, only] = process.argv.slice(2);
const rows = Object.values(ROWS)
  .flat()
  .filter(({ name }) => !only || name.includes(only));
const played = await playRows(rows, Number(port), Number(atOnce));
const { version } = createRequire(import.meta.resolve('bullmq'))('bullmq/package.json') as { version: string };
process.stdout.write(`${JSON.stringify({ version, played })}\n`);
