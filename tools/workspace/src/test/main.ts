import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { closingLine, readCounts, readFailures } from './count.ts';
import { filesWithTest, isProject, namedSteps } from './named.ts';
import { HELP, readOptions, type Options } from './options.ts';
import { runStep, type Step, type StepResult } from './step.ts';
import { allSteps, changedSteps, onlySteps, type Plan } from './steps.ts';
import { Workspace } from './workspace.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../../..');
const results = join(workspaceRoot, '.results');

function step({ cwd = '', ...rest }: Plan): Step {
  const logFile = join(results, 'logs', `${rest.name.replaceAll(/[ /]/g, '-')}.log`);
  return { ...rest, cwd: join(workspaceRoot, cwd), logFile, env: { FORCE_COLOR: '0' } };
}

function report({ step: { name, logFile, remedy }, ok, seconds, tail }: StepResult): void {
  console.log(`${ok ? '✔' : '✘'} ${name} (${seconds} s)`);
  if (ok) return;
  console.log(tail.map((line) => `    ${line}`).join('\n'));
  console.log(`  ${name} failed. All of its output: ${logFile}\n  Next: ${remedy}`);
}

/** What to run: the steps of a stage side by side, one stage after the other. Throws where the options name something that is not there. */
function plan(options: Exclude<Options, { mode: 'help' }>): Plan[][] {
  const workspace = new Workspace(workspaceRoot);
  if (options.mode === 'all') return allSteps();
  if (options.mode === 'changed') {
    const changed = workspace.changed(options.base);
    console.log(`${changed.files.length} changed files; affected: ${changed.projects.join(', ') || 'no project'}`);
    return changedSteps(changed);
  }
  const { name, project } = options;
  const roots = workspace.projectRoots().filter((root) => project === undefined || isProject(root, project));
  if (roots.length === 0) throw new Error(`there is no project "${project}": name its folder, such as api or libs/api`);
  const own = workspace.testFiles().filter(({ path }) => roots.some((root) => path.startsWith(`${root}/`)));
  const found = filesWithTest(own, name);
  if (found.length === 0 && project === undefined) {
    throw new Error(`no test file has "${name}" or all of its words; --project P runs all test files of P for it`);
  }
  return namedSteps(found.length > 0 ? found : own, roots, name).map((each) => [each]);
}

async function run(options: Exclude<Options, { mode: 'help' }>): Promise<number> {
  const planned = plan(options);
  const stages = options.only ? onlySteps(planned, options.only) : planned;
  rmSync(results, { recursive: true, force: true });
  mkdirSync(results, { recursive: true });
  const done: StepResult[] = [];
  const runOne = async (each: Step): Promise<void> => {
    console.log(`▶ ${each.name}`);
    const result = await runStep(each, (line) => console.log(line));
    report(result);
    done.push(result);
    // For the tests that run bundles; see `buildBundles` of libs/rig. A run of what changed has not built all.
    if (each.name === 'build' && result.ok && options.mode === 'all') process.env['BUNDLES_BUILT'] = '1';
  };
  for (const stage of stages) await Promise.all(stage.map(step).map(runOne));
  const counts = readCounts(results, { workspaceRoot, selected: options.mode === 'named' });
  console.log('');
  console.table(Object.fromEntries(counts.map(({ suite, ...rest }) => [suite, rest])));
  const failedSteps = done.filter(({ ok }) => !ok).length;
  const skipped = counts.reduce((sum, each) => sum + each.skipped, 0);
  const passed = counts.reduce((sum, each) => sum + each.passed, 0);
  for (const line of readFailures(results, workspaceRoot)) console.log(line);
  console.log(closingLine(counts, failedSteps));
  if (options.mode === 'named' && passed === 0 && failedSteps === 0) {
    console.error(`no test has "${options.name}" in its full name ("describe test"), as it is written`);
    return 1;
  }
  return failedSteps > 0 || skipped > 0 ? 1 : 0;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.mode === 'help') console.log(HELP);
  else process.exitCode = await run(options);
} catch (error) {
  console.error(`${(error as Error).message}\n\nmake test ARGS=--help explains the options`);
  process.exitCode = 2;
}
