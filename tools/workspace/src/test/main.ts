import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { closingLine, readCounts } from './count.ts';
import { runStep, type Step, type StepResult } from './step.ts';

const HELP = `make test: every check of the workspace, in the order of their cost.

  --only NAME     only the steps whose name starts with NAME (lint, unit, integration, e2e, …); may be repeated
  --help          this text
`;

const workspaceRoot = resolve(import.meta.dirname, '../../../..');
const results = join(workspaceRoot, '.results');

function nx(target: string, ...options: string[]): [string, ...string[]] {
  return ['npx', 'nx', 'run-many', '-t', target, '--outputStyle=stream', '--nxBail=false', ...options];
}

function step(name: string, command: [string, ...string[]], remedy: string, cwd = workspaceRoot): Step {
  return { name, command, cwd, remedy, logFile: join(results, 'logs', `${name}.log`), env: { FORCE_COLOR: '0' } };
}

const STEPS: Step[] = [
  step('format', ['npx', 'prettier', '--check', '--log-level=warn', '.'], 'npx prettier --write .'),
  step('typecheck', nx('typecheck', '--parallel=2'), 'npx nx typecheck PROJECT'),
  step('lint', nx('lint', '--parallel=2'), 'npx nx lint PROJECT'),
  step('build', nx('build', '--parallel=2'), 'npx nx build PROJECT'),
  step('unit', nx('test', '--parallel=2'), 'npx nx test PROJECT'),
  step('integration', nx('integration', '--parallel=3'), 'npx nx integration PROJECT'),
  step('e2e', nx('e2e', '--parallel=1'), 'npx nx e2e e2e; the clusters that are left: tools/cluster/cluster status'),
];

function report({ step: { name, logFile, remedy }, ok, seconds, tail }: StepResult): void {
  console.log(`${ok ? '✔' : '✘'} ${name} (${seconds} s)`);
  if (ok) return;
  console.log(tail.map((line) => `    ${line}`).join('\n'));
  console.log(`  ${name} failed. All of its output: ${logFile}\n  Next: ${remedy}`);
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, help: { type: 'boolean' } } });
if (values.help) {
  console.log(HELP);
} else {
  rmSync(results, { recursive: true, force: true });
  mkdirSync(results, { recursive: true });
  const chosen = STEPS.filter(({ name }) => !values.only || values.only.some((prefix) => name.startsWith(prefix)));
  const done: StepResult[] = [];
  for (const each of chosen) {
    console.log(`▶ ${each.name}`);
    const result = await runStep(each, (line) => console.log(line));
    report(result);
    done.push(result);
  }
  const counts = readCounts(results);
  console.log('');
  console.table(Object.fromEntries(counts.map(({ suite, ...rest }) => [suite, rest])));
  const failedSteps = done.filter(({ ok }) => !ok).length;
  const skipped = counts.reduce((sum, each) => sum + each.skipped, 0);
  console.log(closingLine(counts, failedSteps));
  process.exitCode = failedSteps > 0 || skipped > 0 ? 1 : 0;
}
