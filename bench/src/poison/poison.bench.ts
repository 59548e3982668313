import { readArguments } from '../command-line/arguments.ts';
import { runLoss, runPoison } from './run.ts';

const HELP =
  'usage: make bench NAME=poison [ARGS="--jobs=100 --pods=5 --concurrency=10 --run-ms=20000 --lost-jobs=200 --lost-run-ms=2000"]\n';
const PATIENCE_MS = 900_000;

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '100' },
  pods: { type: 'string', default: '5' },
  concurrency: { type: 'string', default: '10' },
  'run-ms': { type: 'string', default: '20000' },
  'lost-jobs': { type: 'string', default: '200' },
  'lost-run-ms': { type: 'string', default: '2000' },
});
const jobs = Number(values.jobs);
const fleet = { pods: Number(values.pods), concurrency: Number(values.concurrency), timeoutMs: PATIENCE_MS };

console.error(`${jobs} jobs, one of which kills its process`);
// As the kubelet: at once, then after 10, 20, 40 s.
const downMs = (times: number): number => (times === 1 ? 0 : 10_000 * 2 ** (times - 2));
const poison = await runPoison({ ...fleet, jobs, runMs: Number(values['run-ms']), downMs });
const { reason, ...figures } = poison;
console.table([figures]);
console.error(reason);
const losses = [];
for (const times of [1, 2]) {
  console.error(`${values['lost-jobs']} jobs that lose their pod ${times === 1 ? 'once' : 'twice'}`);
  const lost = { ...fleet, jobs: Number(values['lost-jobs']), runMs: Number(values['lost-run-ms']), losses: times };
  // oxlint-disable-next-line no-await-in-loop -- each measured alone
  losses.push(await runLoss(lost));
}
console.table(losses);
console.log(JSON.stringify({ bench: 'poison', ...poison, losses }));
const complete = losses.every(({ suspects, completed }) => suspects === completed);
process.exitCode = complete && poison.completed === jobs - 1 && poison.killer === 'failed' ? 0 : 1;
