// One run of the rows with the BullMQ that `bullmq` resolves to; started once per version by the bench.
import { findPackageJSON } from 'node:module';
import { readFileSync } from 'node:fs';
import { playRows } from './play.ts';
import { ROWS } from './rows/rows.ts';

const [port, atOnce, only = ''] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync(findPackageJSON(import.meta.resolve('bullmq'))!, 'utf8')) as {
  version: string;
};
const major = Number.parseInt(version, 10);
const rows = Object.values(ROWS).flat();
const chosen = rows.filter(({ name, since = 0 }) => name.includes(only) && since <= major);
const played = await playRows(chosen, Number(port), Number(atOnce));
process.stdout.write(`${JSON.stringify({ version, played })}\n`, () => process.exit(0));
