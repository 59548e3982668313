import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { startProcess, startRedis, temporaryFolder, workspaceRoot } from '@redis-queue/rig';
import { readArguments } from '../command-line/arguments.ts';
import type { Played } from '../duties/play.ts';
import { isWithin, newestMinors } from './releases.ts';

// libs/worker relies on members of BullMQ's Worker that are no part of its interface. Its tests run with one release of
// each major version, those of package-lock.json; this asks the registry for the newest minor versions, installs them
// into a temporary project and runs the tests of the members and the suite of duties with each.
const HELP = 'usage: make bench NAME=bullmq-range [ARGS="--minors=5 --at-once=12 --only=<part of a row\'s name>"]\n';
const MAJORS = [5, 6];
const HOOK = join(import.meta.dirname, 'bullmq-of.ts');
const WORKER = join(workspaceRoot, 'libs/worker');
const MEMBERS = 'src/queues/bullmq-members.integration.test.ts';
/** The tests of what is imported as `bullmq`, not those of `bullmq-5`. */
const AS_BULLMQ = 'installed as bullmq ';
const TIMEOUT_MS = 900_000;

interface Result {
  release: string;
  inRange: boolean;
  /** Tests of the members. */
  tests: number;
  failed: string[];
  rows: number;
  different: Played[];
}

const run = promisify(execFile);
const values = readArguments(HELP, {
  minors: { type: 'string', default: '5' },
  'at-once': { type: 'string', default: '12' },
  only: { type: 'string', default: '' },
});

const { peerDependencies, devDependencies } = JSON.parse(readFileSync(join(WORKER, 'package.json'), 'utf8')) as {
  peerDependencies: { bullmq: string };
  devDependencies: { ioredis: string };
};
const { stdout } = await run('npm', ['view', 'bullmq', 'versions', '--json']);
const published = JSON.parse(stdout) as string[];
const releases = MAJORS.flatMap((major) => newestMinors(published, major, Number(values.minors)));
const project = temporaryFolder('bullmq-range');
await install(project, releases);

const results: Result[] = [];
for (const release of releases) {
  const env = { BULLMQ_PROJECT: project, BULLMQ_NAME: nameOf(release) };
  const members = await testMembers(env, join(project, `${release}.json`));
  const played = await playDuties(release, env);
  const different = played.filter(({ same }) => !same);
  const inRange = isWithin(release, peerDependencies.bullmq);
  results.push({ release, inRange, ...members, rows: played.length, different });
  console.error(`bullmq ${release}: ${members.tests} tests of members, ${played.length} rows`);
}

console.table(
  results.map(({ release, inRange, tests, failed, rows, different }) => ({
    bullmq: release,
    'in the range': inRange,
    'tests of members': tests,
    failed: failed.length,
    'rows of duties': rows,
    different: different.length,
  })),
);
for (const { release, failed, different } of results) {
  for (const name of failed) console.error(`${release}: failed: ${name}`);
  for (const { row, plain, ours } of different) {
    console.error(`${release}: ${row}\n  plain ${JSON.stringify(plain)}\n  ours  ${JSON.stringify(ours)}`);
  }
}
const broken = results.filter(({ failed, different }) => failed.length + different.length > 0);
const brokenInRange = broken.filter(({ inRange }) => inRange).map(({ release }) => release);
const range = peerDependencies.bullmq;
console.log(
  JSON.stringify({
    bench: 'bullmq-range',
    range,
    releases,
    broken: broken.map(({ release }) => release),
    brokenInRange,
  }),
);
process.exitCode = brokenInRange.length === 0 ? 0 : 1;

/** All of them side by side in one project, each by a name of its own. */
async function install(folder: string, all: readonly string[]): Promise<void> {
  const aliases = Object.fromEntries(all.map((release) => [nameOf(release), `npm:bullmq@${release}`]));
  const dependencies = { ...aliases, ioredis: devDependencies.ioredis };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: folder });
}

function nameOf(release: string): string {
  return `bullmq-${release}`;
}

async function testMembers(env: Record<string, string>, report: string): Promise<Pick<Result, 'tests' | 'failed'>> {
  const args = ['vitest', 'run', '--mode=integration', MEMBERS, '-t', AS_BULLMQ, `--outputFile.json=${report}`];
  const options = {
    cwd: WORKER,
    env: { ...process.env, ...env, NODE_OPTIONS: `--import=${pathToFileURL(HOOK).href}` },
  };
  // a test that fails makes the command fail; the report says which
  await run('npx', args, options).catch(() => undefined);
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: { assertionResults: { fullName: string; status: string }[] }[];
  };
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const ran = tests.filter(({ status }) => status === 'passed' || status === 'failed');
  if (ran.length === 0) throw new Error(`no test of ${MEMBERS} ran`);
  const failed = ran.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
  return { tests: ran.length, failed };
}

async function playDuties(release: string, env: Record<string, string>): Promise<Played[]> {
  await using server = await startRedis();
  const program = join(import.meta.dirname, '../duties/duties-process.ts');
  const args = [`--import=${HOOK}`, program, String(server.port), values['at-once'], values.only];
  const player = startProcess(process.execPath, args, { env });
  const line = await player.waitForLine(/"played":/, { timeoutMs: TIMEOUT_MS });
  const { version, played } = JSON.parse(line) as { version: string; played: Played[] };
  if (version !== release) throw new Error(`bullmq ${version} was loaded for ${release}`);
  return played;
}
