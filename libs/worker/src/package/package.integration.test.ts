// What a user gets from a registry: the package is made, installed by npm beside BullMQ 5 and beside BullMQ 6, and used
// from TypeScript and from plain JavaScript.
import { execFile } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import {
  eventually,
  freePort,
  startProcess,
  startRedis,
  temporaryFolder,
  workspaceRoot,
  type ChildHandle,
  type RedisServer,
} from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistry } from './registry.fixture.ts';

const run = promisify(execFile);
const tsc = join(workspaceRoot, 'node_modules/.bin/tsc');

const TYPESCRIPT = `
import { handle, runWorkers } from '@redis-queue/worker';
import { z } from 'zod';

const email = z.object({ to: z.string(), copies: z.string().transform(Number) });
export const sendEmail = handle(email, async (job, { log }) => {
  log.info('sending');
  // @ts-expect-error the schema made it a number
  const copies: string = job.data.copies;
  return { to: job.data.to.toUpperCase(), copies: Number(copies) };
});

if (import.meta.main) {
  await runWorkers({
    handlers: { typescript: sendEmail },
    onDrained: async () => { console.log('closed my connections'); },
  });
}
`;

const TEST = `
import { runJob } from '@redis-queue/worker/testing';
import { sendEmail } from './main.ts';

const run = await runJob(sendEmail, { data: { to: 'ada', copies: '2' } });
if (run.outcome === 'completed') {
  const { to }: { to: string; copies: number } = run.result;
  console.log('test saw', to);
}
`;

const HANDLERS = (queue: string): string => `{
  ${queue}: async (job) => ({ to: job.data.to.toUpperCase(), copies: Number(job.data.copies) }),
}`;

const MODULE = `
import { runWorkers } from '@redis-queue/worker';
await runWorkers({ handlers: ${HANDLERS('module')}, onDrained: async () => console.log('closed my connections') });
`;

const COMMONJS = `
const { runWorkers } = require('@redis-queue/worker');
runWorkers({ handlers: ${HANDLERS('commonjs')}, onDrained: async () => console.log('closed my connections') });
`;

/** The programs of the page on migration: before it, and with its changes. */
const MIGRATION = readFileSync(join(workspaceRoot, 'docs/migrate-from-bullmq-worker.md'), 'utf8');
const BEFORE = fenced('js');
const CHANGES = fenced('diff').split('\n');
const MAIL = 'export const send = async (to) => console.log(`mail to ${to}`);';

const PROGRAMS = { typescript: 'main.ts', module: 'main.mjs', commonjs: 'main.cjs' };

/** How projects resolve modules: Node's two ways, and that of a bundler. */
const COMPILERS = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

interface Project {
  bullmq: number;
  /** What a user has beside this package. */
  dependencies: Record<string, string>;
  compilers: (keyof typeof COMPILERS)[];
}

/** BullMQ 5 brings ioredis, BullMQ 6 wants it installed. Each compiler takes seconds, so Node's old way is tried once. */
const PROJECTS: Project[] = [
  { bullmq: 5, dependencies: { bullmq: '5' }, compilers: ['node16', 'bundler'] },
  { bullmq: 6, dependencies: { bullmq: '6', ioredis: '6' }, compilers: ['nodenext', 'bundler'] },
];

let tarball: string;
let server: RedisServer;
let registry: Awaited<ReturnType<typeof startRegistry>>;

beforeAll(async () => {
  const worker = join(import.meta.dirname, '../..');
  const [packed, redis, served] = await Promise.all([
    run(process.execPath, ['pack.ts', '--out', temporaryFolder('packed')], { cwd: worker }),
    startRedis(),
    startRegistry(workspaceRoot),
  ]);
  tarball = packed.stdout.trim();
  server = redis;
  registry = served;
});

afterAll(async () => {
  await server.stop();
  await registry[Symbol.asyncDispose]();
});

it('the changes of the page on migration fit the program before them, and are about ten', () => {
  expect(linesWith('-').join('\n')).toBe(BEFORE);
  expect(CHANGES.filter((line) => /^[+-]/.test(line)).length).toBeLessThanOrEqual(10);
});

// npm and the compiler take their time on a loaded machine
describe.concurrent.each(PROJECTS)(
  'the package beside BullMQ $bullmq',
  { timeout: 240_000 },
  ({ bullmq, dependencies, compilers }) => {
    it('is installed without a second BullMQ or ioredis, is typed, and runs jobs', async () => {
      const project = await install(dependencies);
      expect(copies(project, 'bullmq')).toEqual(['node_modules/bullmq']);
      expect(copies(project, 'ioredis')).toEqual(['node_modules/ioredis']);
      await Promise.all([
        ...compilers.map(async (name) => {
          const checked = await run(tsc, ['-p', join(project, `tsconfig.${name}.json`)]).catch(
            (error: Failed) => error,
          );
          expect({ name, errors: checked.stdout }).toEqual({ name, errors: '' });
        }),
        (async () => {
          const { stdout } = await run(process.execPath, ['main.check.ts'], { cwd: project });
          expect(stdout).toBe('test saw ADA\n');
        })(),
        ...Object.entries(PROGRAMS).map(async ([handler, program]) => {
          const { result, exit, lines } = await runsAJob(project, program, { handler, queue: `${handler}-${bullmq}` });
          expect({ program, result }).toEqual({ program, result: { to: 'ADA', copies: 2 } });
          expect({ program, exit, lines }).toMatchObject({ exit: { code: 0, signal: null } });
          expect(lines).toContain('closed my connections');
        }),
      ]);
      // the page's programs: that before takes the queue's name as it is
      for (const program of ['before.mjs', 'after.mjs']) {
        const { result, exit, lines } = await runsAJob(project, program, {
          handler: 'emails',
          queue: 'emails',
          db: bullmq,
        });
        expect({ program, result }).toEqual({ program, result: { sentTo: 'ada' } });
        expect({ program, exit, lines }).toMatchObject({ exit: { code: 0, signal: null } });
        expect(lines).toContain('mail to ada');
      }
    });
  },
);

const LACKING = {
  bullmq: {
    version: '3.0.0',
    source: 'export class Queue {}\nexport class Job {}',
    says: /Error: bullmq 3\.0\.0 lacks isNotConnectionError, RATE_LIMIT_ERROR, .*, Worker, which @redis-queue\/worker needs .*npm install bullmq@6/,
  },
  // whose exports Node cannot tell by name
  ioredis: {
    version: '4.31.0',
    source: 'export default class Redis {}',
    says: /Error: ioredis 4\.31\.0 lacks Cluster, Redis, which @redis-queue\/worker needs .*npm install ioredis@5 beside BullMQ 5/,
  },
};

it.each(
  (['bullmq', 'ioredis'] as const).flatMap((name) =>
    ['main.mjs', 'main.cjs', 'test.mjs'].map((program) => ({ name, program })),
  ),
)(
  'beside one of $name that lacks what it needs $program ends with the version, what is missing and the way out',
  async ({ name, program }) => {
    const project = temporaryFolder('project');
    const modules = join(project, 'node_modules');
    const worker = join(modules, '@redis-queue/worker');
    mkdirSync(worker, { recursive: true });
    await run('tar', ['-xf', tarball, '-C', worker, '--strip-components=1']);
    for (const other of ['bullmq', 'ioredis', 'prom-client'].filter((one) => one !== name)) {
      symlinkSync(join(workspaceRoot, 'node_modules', other), join(modules, other));
    }
    const { version, source, says } = LACKING[name];
    const old = { name, version, type: 'module', exports: { '.': './index.js', './package.json': './package.json' } };
    const files: Record<string, string> = {
      [`node_modules/${name}/package.json`]: JSON.stringify(old),
      [`node_modules/${name}/index.js`]: source,
      'main.mjs': MODULE,
      'main.cjs': COMMONJS,
      'test.mjs': "import '@redis-queue/worker/testing';",
    };
    mkdirSync(join(modules, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
    const { code, stderr } = await run(process.execPath, [program], { cwd: project }).then(
      () => ({ code: 0, stderr: '' }),
      (error: Failed) => error,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(stderr).not.toContain('SyntaxError');
  },
);

interface Failed {
  code: number;
  stdout: string;
  stderr: string;
}

/** A project of a user with this package, as npm lays it out. */
async function install(dependencies: Record<string, string>): Promise<string> {
  const project = temporaryFolder('project');
  const manifest = {
    type: 'module',
    dependencies: { ...dependencies, '@redis-queue/worker': `file:${tarball}`, zod: '*', '@types/node': '*' },
  };
  const compiler = { strict: true, target: 'es2024', noEmit: true, types: ['node'], allowImportingTsExtensions: true };
  const files: Record<string, string> = {
    'package.json': JSON.stringify(manifest),
    'main.ts': TYPESCRIPT,
    'main.check.ts': TEST,
    'main.mjs': MODULE,
    'main.cjs': COMMONJS,
    'before.mjs': BEFORE,
    'after.mjs': linesWith('+').join('\n'),
    'mail.mjs': MAIL,
    ...Object.fromEntries(
      Object.entries(COMPILERS).map(([name, own]) => [
        `tsconfig.${name}.json`,
        JSON.stringify({ compilerOptions: { ...compiler, ...own }, include: ['*.ts'] }),
      ]),
    ),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-update-notifier'];
  const where = [`--registry=${registry.url}`, `--cache=${join(project, '.npm')}`];
  await run('npm', ['install', ...flags, ...where], { cwd: project });
  return project;
}

function copies(project: string, name: string): string[] {
  return globSync(`**/node_modules/${name}/package.json`, { cwd: project }).map(dirname);
}

/** The first block of the page in a language. */
function fenced(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n(.*?)\\n\`\`\`$`, 'ms').exec(MIGRATION)?.[1] ?? '';
}

/** One side of the page's changes: what stays, and what is removed or added. */
function linesWith(sign: '+' | '-'): string[] {
  return CHANGES.filter((line) => line.startsWith(sign) || !/^[+-]/.test(line)).map((line) => line.slice(1));
}

async function runsAJob(
  project: string,
  program: string,
  { handler, queue: name, db = 0 }: { handler: string; queue: string; db?: number },
) {
  const env = {
    RQ_QUEUES: JSON.stringify([{ queue: handler, name, prefix: 'bull' }]),
    RQ_HTTP_PORT: String(await freePort()),
    REDIS_URL: `${server.url}/${db}`,
  };
  await using worker: ChildHandle = startProcess(process.execPath, [program], { cwd: project, env });
  const redis = new Redis({ port: server.port, db, maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection: redis });
  try {
    const { id } = await queue.add('send', { to: 'ada', copies: '2' });
    const result = await eventually(
      async () => ((await queue.getJob(id!))?.returnvalue as object | null) ?? undefined,
      { timeoutMs: 90_000, description: `the job of ${program} to be done` },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${worker.lines.join('\n')}`);
    });
    worker.kill('SIGTERM');
    return { result, exit: await worker.exited, lines: worker.lines };
  } finally {
    redis.disconnect();
  }
}
