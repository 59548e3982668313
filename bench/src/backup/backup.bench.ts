import { readArguments } from '../command-line/arguments.ts';
import { runBackup } from './run.ts';

// Snapshots and backups of a queue with jobs in every state, beside a bare read of the same jobs and beside workers that
// saturate Redis.
const HELP =
  'usage: make bench NAME=backup [ARGS="--jobs=100000 --data-bytes=220 --others=1000000 --pairs=5 --turns=3 --window=3000"]\n';
const GOALS = {
  ratioToBareRead: 1.5,
  idleStallMs: 20,
  workerThroughputShare: 0.9,
  loadedStallMs: 20,
  rssMib: 160,
  missing: 0,
};

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '100000' },
  'data-bytes': { type: 'string', default: '220' },
  others: { type: 'string', default: '1000000' },
  pairs: { type: 'string', default: '5' },
  turns: { type: 'string', default: '3' },
  window: { type: 'string', default: '3000' },
});
const { rows, ...report } = await runBackup({
  jobs: Number(values.jobs),
  dataBytes: Number(values['data-bytes']),
  others: Number(values.others),
  pairs: Number(values.pairs),
  turns: Number(values.turns),
  windowMs: Number(values.window),
  progress: (message) => console.error(message),
});
console.table(rows);
console.log(JSON.stringify({ bench: 'backup', ...report, goals: GOALS }));
process.exitCode = report.missing === 0 ? 0 : 1;
