import { readArguments } from '../command-line/arguments.ts';
import { runFailover, type FailoverResult } from './run.ts';

// The primary of a queue goes away in the middle of jobs, behind Sentinels and in a Redis Cluster: is a job lost, does a
// worker stop, and how soon do all of them run jobs again? Real servers, Sentinel and worker processes.
const HELP = `usage: make bench NAME=failover [ARGS="--pods=3 --seconds=5 --how=kill|freeze --only=sentinel|cluster"]\n`;
const MOST_S = 10;

const values = readArguments(HELP, {
  pods: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '5' },
  how: { type: 'string', default: 'kill' },
  only: { type: 'string', default: '' },
});
const kinds = (['sentinel', 'cluster'] as const).filter((kind) => !values.only || values.only === kind);
const ms = Number(values.seconds) * 1_000;
const results: Partial<Record<(typeof kinds)[number], FailoverResult>> = {};
for (const kind of kinds) {
  results[kind] = await runFailover({
    kind,
    how: values.how === 'freeze' ? 'freeze' : 'kill',
    pods: Number(values.pods),
    beforeMs: ms,
    afterMs: ms,
    print: (line) => console.error(line),
  });
}
console.table(results);
console.log(JSON.stringify({ bench: 'failover', how: values.how, ...results }));
const isGood = ({ lost, failed, stoppedWorkers, recoveryS }: FailoverResult): boolean =>
  lost === 0 && failed === 0 && stoppedWorkers === 0 && recoveryS <= MOST_S;
process.exit(Object.values(results).every(isGood) ? 0 : 1);
