import { parseArgs } from 'node:util';
import { checkConformance, type Outcome } from './conformance.ts';
import { ROWS } from './rows.ts';
import { EXAMPLE_JOB, examplePythonWorker, exampleWorker, plainWorker, subjectOf } from './subjects.ts';

const HELP = `make conformance: which level of the pod contract (docs/pod-contract.md) an image keeps.

  IMAGE='node main.js'   the command of a process that is what the image runs; or one of the examples: worker,
                         python-worker, plain
  QUEUE=emails,receipts  the Queues (metadata.name) that it has handlers for; a second one is needed for weights alone
  JOB='{"ms":@ms}'       the data of a job for them, @ms where it says for how long the job runs; it must run for so
                         long, and do no harm. Default: ${EXAMPLE_JOB}
  LEVEL=1                fail below this level; default 0

It starts the command as the controller starts a pod, with a Redis of its own for each row, and looks at Redis and at
what the pod answers. Takes one to two minutes. The last line of standard output is one JSON object.
`;

const EXAMPLES = { worker: exampleWorker, 'python-worker': examplePythonWorker, plain: plainWorker };

const { values } = parseArgs({
  options: {
    image: { type: 'string', default: '' },
    queue: { type: 'string', default: 'emails' },
    job: { type: 'string', default: EXAMPLE_JOB },
    level: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help || values.image === '' || !/^[012]$/.test(values.level)) {
  process.stderr.write(HELP);
  process.exit(values.help ? 0 : 2);
}
const example = Object.entries(EXAMPLES).find(([name]) => name === values.image)?.[1];
const subject = example ? await example() : subjectOf(values.image, values.queue, values.job);
const { outcomes, level } = await checkConformance(subject, { onOutcome: say });
process.stderr.write(`\n${values.image} keeps ${level === undefined ? 'not even level 0' : `level ${level}`}\n`);
const faults = outcomes.filter(({ fault }) => fault !== undefined).map(({ row }) => `${row.level}: ${row.what}`);
process.stdout.write(`${JSON.stringify({ image: values.image, level: level ?? null, rows: ROWS.length, faults })}\n`);
process.exit((level ?? -1) >= Number(values.level) ? 0 : 1);

function say({ row, fault }: Outcome): void {
  process.stderr.write(`${fault === undefined ? '✔' : '✘'} level ${row.level}: ${row.what}\n`);
  if (fault !== undefined) process.stderr.write(`    ${fault.split('\n')[0]}\n`);
}
