import { parseArgs } from 'node:util';
import { foreignImage, startCluster, startProgress, type BuiltImage } from '@redis-queue/cluster';
import { checkConformance, type Conformance, type ConformanceOptions, type Outcome } from './conformance.ts';
import { exampleOf } from './examples.ts';
import { openClusterRuntime } from './pods.ts';
import { processRuntime } from './processes.ts';
import { ROWS, type Row } from './rows.ts';
import type { Subject } from './stage.ts';
import { EXAMPLE, EXAMPLE_JOB, subjectOf } from './subjects.ts';

const HELP = `make conformance: which level of the pod contract (docs/pod-contract.md) an image keeps.

  IMAGE=registry.example/worker:1.0.0
                         runs the image as pods on a Kubernetes cluster from processes on this machine (root). It is
                         taken from this machine's Docker, or else from its registry; docker-archive:worker.tar is a
                         file of docker save. Or one of the examples: worker, python-worker, plain
  COMMAND='node main.js' instead of IMAGE: runs what the image runs as processes of this machine; quick, without root,
                         and without what a container brings along. Or one of the examples
  QUEUE=emails,receipts  the Queues (metadata.name) that it has handlers for; a second one is needed for weights alone
  JOB='{"ms":@ms}'       the data of a job for them, @ms where it says for how long the job runs; it must run for so
                         long, and do no harm. Default: ${EXAMPLE_JOB}
  LEVEL=1                fail below this level; default 0

  ARGS='--time-limit 20' minutes, after which what was not checked counts as not kept
  ARGS='--at-once 3'     how many things are checked side by side

It starts pods as the controller does, with a Redis of its own for each row, and looks at Redis and at what the pod
answers. Takes one to three minutes. The last line of standard output is one JSON object.
`;

const CLUSTER = 'conformance';
/** What of a fault is printed: the difference of what was found and what was expected, without its end. */
const FAULT_LINES = 15;
/** What pods name an image by that was built elsewhere. */
const FOREIGN = 'localhost/redis-queue/conformance:tested';

const { values } = parseArgs({
  options: {
    image: { type: 'string', default: '' },
    command: { type: 'string', default: '' },
    queue: { type: 'string', default: 'emails' },
    job: { type: 'string', default: EXAMPLE_JOB },
    level: { type: 'string', default: '0' },
    'time-limit': { type: 'string', default: '20' },
    'at-once': { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});
const { image, command } = values;
const numbers = /^[012]$/.test(values.level) && [values['time-limit'], values['at-once']].every(isCount);

if (values.help || (image === '') === (command === '') || !numbers) {
  process.stderr.write(HELP);
  process.exit(values.help ? 0 : 2);
}
if (/\s/.test(image)) {
  process.stderr.write(`IMAGE is a reference, which "${image}" is not; what an image runs is COMMAND='${image}'\n`);
  process.exit(2);
}

// By exit: what failed half-way may have left a timer.
process.exit(await main().catch(failed));

function failed(error: unknown): number {
  print(`✘ ${error instanceof Error ? error.message : String(error)}`);
  return 1;
}

async function main(): Promise<number> {
  const { outcomes, level } = image === '' ? await checkCommand() : await checkImage();
  process.stderr.write(`\n${image || command} keeps ${level === undefined ? 'not even level 0' : `level ${level}`}\n`);
  const faults = outcomes.filter(({ fault }) => fault !== undefined).map(({ row }) => `${row.level}: ${row.what}`);
  const tested = image === '' ? { command, runsAs: 'processes' } : { image, runsAs: 'pods' };
  const result = { ...tested, level: level ?? null, rows: ROWS.length, faults };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return (level ?? -1) >= Number(values.level) ? 0 : 1;
}

async function checkCommand(): Promise<Conformance> {
  const example = exampleOf(command);
  const runtime = processRuntime(example ? await example.command() : command);
  return await withProgress(async (options) => await checkConformance(subject(command), runtime, options));
}

async function checkImage(): Promise<Conformance> {
  const built = await imageOf(image);
  await using cluster = await startCluster({ name: CLUSTER, node: true, print });
  await cluster.load(built);
  await using runtime = await openClusterRuntime({ cluster, namespace: CLUSTER, image: built });
  return await withProgress(async (options) => await checkConformance(subject(image), runtime, options));
}

async function imageOf(name: string): Promise<BuiltImage> {
  return (await exampleOf(name)?.image(print)) ?? (await foreignImage(name, FOREIGN, print));
}

function subject(name: string): Subject {
  return exampleOf(name) ? EXAMPLE : subjectOf(values.queue, values.job);
}

/** Says what was found of each row, and every quarter of a minute which ones are being checked. */
async function withProgress(check: (options: ConformanceOptions) => Promise<Conformance>): Promise<Conformance> {
  const running = new Set<Row>();
  let done = 0;
  const state = (): string =>
    [`${done} of ${ROWS.length} done; now:`, ...[...running].map(({ level, what }) => `    ${level}: ${what}`)].join(
      '\n',
    );
  const progress = startProgress('checking the rows of the contract', print, state);
  const conformance = await check({
    atOnce: Number(values['at-once']),
    timeLimitMs: Number(values['time-limit']) * 60_000,
    onStart: (row) => running.add(row),
    onOutcome: (outcome) => {
      running.delete(outcome.row);
      done++;
      say(outcome);
    },
  });
  progress.done();
  return conformance;
}

function say({ row, fault }: Outcome): void {
  print(`${fault === undefined ? '✔' : '✘'} level ${row.level}: ${row.what}`);
  for (const line of fault?.split('\n', FAULT_LINES) ?? []) print(`    ${line}`);
}

function print(line: string): void {
  process.stderr.write(`${line}\n`);
}

function isCount(text: string): boolean {
  return /^[1-9][0-9]{0,3}$/.test(text);
}
