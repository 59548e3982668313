import { readArguments } from '../command-line/arguments.ts';
import { runWebhook } from './run.ts';

// Creates of Queues that change nothing, in turns with and without the webhook of the queue-controller, whose certificate
// is renewed meanwhile.
const HELP =
  'usage: make bench NAME=webhook [ARGS="--per-second=200 --seconds=60 --turn=5 --queues=1000 --rotations=3"]\n';
const GOALS = { errors: 0, within25MsShare: 0.99, p50AddedMs: 3, rssMib: 110 };

const values = readArguments(HELP, {
  'per-second': { type: 'string', default: '200' },
  seconds: { type: 'string', default: '60' },
  turn: { type: 'string', default: '5' },
  queues: { type: 'string', default: '1000' },
  rotations: { type: 'string', default: '3' },
});
const { rows, ...report } = await runWebhook({
  perSecond: Number(values['per-second']),
  seconds: Number(values.seconds),
  turnSeconds: Number(values.turn),
  queues: Number(values.queues),
  rotations: Number(values.rotations),
  progress: (message) => console.error(message),
});
console.table(rows);
console.log(JSON.stringify({ bench: 'webhook', ...report, goals: GOALS }));
process.exit(report.errors === 0 && report.rotations >= Number(values.rotations) ? 0 : 1);
