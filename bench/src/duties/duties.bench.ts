import { startProcess, startRedis } from '@redis-queue/rig';
import { readArguments } from '../command-line/arguments.ts';
import type { Played } from './play.ts';

// What BullMQ's Worker does beside running jobs, row by row, by a plain Worker and by this project's library, with the
// newest BullMQ 6 and 5: what they come to must be the same.
const HELP = 'usage: make bench NAME=duties [ARGS="--at-once=12 --only=<part of a row\'s name>"]\n';
/** With what Node is started for a version. */
const FIVE = new URL('../bullmq-5.ts', import.meta.resolve('@redis-queue/worker')).href;
const VERSIONS: string[][] = [[], ['--import', FIVE]];
const TIMEOUT_MS = 600_000;

const values = readArguments(HELP, {
  'at-once': { type: 'string', default: '12' },
  only: { type: 'string', default: '' },
});

const results: { version: string; played: Played[] }[] = [];
for (const flags of VERSIONS) {
  await using server = await startRedis();
  const program = `${import.meta.dirname}/duties-process.ts`;
  const args = [...flags, program, String(server.port), values['at-once'], values.only];
  const player = startProcess(process.execPath, args, {});
  const line = await player.waitForLine(/"played":/, { timeoutMs: TIMEOUT_MS });
  results.push(JSON.parse(line) as (typeof results)[number]);
}

const names = [...new Set(results.flatMap(({ played }) => played.map(({ row }) => row)))];
console.table(
  names.map((row) => ({
    row,
    ...Object.fromEntries(
      results.map(({ version, played }) => [version, verdict(played.find((one) => one.row === row))]),
    ),
  })),
);
for (const { version, played } of results) {
  for (const { row, same, plain, ours } of played) {
    if (!same) console.error(`${version}: ${row}\n  plain ${JSON.stringify(plain)}\n  ours  ${JSON.stringify(ours)}`);
  }
}
const different = results.flatMap(({ played }) => played.filter(({ same }) => !same)).length;
const versions = Object.fromEntries(results.map(({ version, played }) => [version, played.length]));
console.log(JSON.stringify({ bench: 'duties', rows: names.length, different, versions }));
process.exitCode = different === 0 ? 0 : 1;

function verdict(played: Played | undefined): string {
  if (!played) return 'not in this version';
  return played.same ? 'same' : 'DIFFERENT';
}
