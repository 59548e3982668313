import { readArguments } from '../command-line/arguments.ts';
import { ARMS, runReactionVsKeda, type ArmName } from './run.ts';
import { compare, summarize, type ArmSummary } from './summary.ts';
import { buildApps, startStand } from '../stand/stand.ts';

// A hundred jobs at once for a Deployment at zero that should get one replica for every five of them: from the burst
// until the size has changed, and until it is final, as one watch sees it. First with KEDA as installed, then with KEDA
// as fast as its objects can make it, then with ours; in one run, on one API server and one Redis, never two of them at
// the same time.
const HELP = `usage: make bench NAME=reaction-vs-keda [ARGS="--tries=10 --arms=default,tuned,ours"]

  --tries  bursts of each arm
  --arms   which of ${ARMS.join(', ')}; the ratios need all
  --seed   of the random moments

KEDA is built from its Go module the first time, which takes about 10 minutes.
`;

const flags = readArguments(HELP, {
  tries: { type: 'string', default: '10' },
  arms: { type: 'string', default: ARMS.join(',') },
  seed: { type: 'string', default: '1' },
});
const arms = flags.arms.split(',').map((name) => {
  const arm = ARMS.find((known) => known === name);
  if (!arm) throw new Error(`--arms: no arm "${name}"; one or more of ${ARMS.join(',')}`);
  return arm;
});
const tries = Number(flags.tries);
if (!Number.isInteger(tries) || tries < 1)
  throw new Error(`--tries: ${flags.tries} is not a whole number of at least 1`);

const print = (line: string): void => console.error(line);
print('building the apps, starting an API server and Redis');
if (arms.includes('ours')) await buildApps();
const stand = await startStand();
const results = await runReactionVsKeda(stand, { arms, tries, seed: Number(flags.seed), print });
const summaries = new Map<ArmName, ArmSummary>([...results].map(([arm, reactions]) => [arm, summarize(reactions)]));
const [asInstalled, tuned, ours] = ARMS.map((arm) => summaries.get(arm));
const comparison = ours && asInstalled && tuned ? compare(ours, asInstalled, tuned) : {};

const summary = Object.fromEntries(summaries);
console.table(summary);
console.log(JSON.stringify({ bench: 'reaction-vs-keda', ...comparison, arms: summary }));
await stand[Symbol.asyncDispose]();
process.exit(0);
