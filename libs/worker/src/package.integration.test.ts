// What a user gets from a registry: the package is made, laid into an empty project, type-checked against and run
// there.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
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
  type RedisServer,
} from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const packages = join(workspaceRoot, 'node_modules');

const MAIN = `
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
    handlers: { emails: sendEmail },
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

let project: string;
let server: RedisServer;

beforeAll(async () => {
  project = temporaryFolder('package');
  const worker = join(import.meta.dirname, '..');
  const { stdout } = await run(process.execPath, ['pack.ts', '--out', project], { cwd: worker });
  const installed = join(project, 'node_modules/@redis-queue/worker');
  mkdirSync(installed, { recursive: true });
  // what npm install does, without a registry: the packages that ours depends on are those of this workspace
  await run('tar', ['-xzf', stdout.trim(), '--strip-components=1', '-C', installed]);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), 'zod', '@types/node']) {
    mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true });
    symlinkSync(join(packages, name), join(project, 'node_modules', name));
  }
  const compilerOptions = { module: 'nodenext', target: 'es2024', strict: true, noEmit: true, types: ['node'] };
  const files = {
    'package.json': JSON.stringify({ type: 'module' }),
    'tsconfig.json': JSON.stringify({
      compilerOptions: { ...compilerOptions, allowImportingTsExtensions: true },
      include: ['*.ts'],
    }),
    'main.ts': MAIN,
    'main.check.ts': TEST,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  server = await startRedis();
});

afterAll(async () => {
  await server.stop();
});

// the compiler takes its time on a loaded machine
describe('the package in an empty project', { timeout: 240_000 }, () => {
  it('is typed, schemas and results included, and its declarations are sound', async () => {
    const checked = await run(join(packages, '.bin/tsc'), ['-p', project]).catch((error: { stdout: string }) => error);
    expect(checked.stdout).toBe('');
  });

  it('tests a handler without Redis', async () => {
    const { stdout } = await run(process.execPath, ['main.check.ts'], { cwd: project });
    expect(stdout).toBe('test saw ADA\n');
  });

  it('runs a worker that serves a queue, drains on SIGTERM and says so', async () => {
    const env = {
      RQ_QUEUES: JSON.stringify([{ queue: 'emails', name: 'emails', prefix: 'bull' }]),
      RQ_HTTP_PORT: String(await freePort()),
      REDIS_URL: server.url,
    };
    await using worker = startProcess(process.execPath, ['main.ts'], { cwd: project, env });
    const redis = new Redis({ port: server.port, maxRetriesPerRequest: null });
    const queue = new Queue('emails', { connection: redis });
    try {
      const { id } = await queue.add('send', { to: 'ada', copies: '2' });
      const result = await eventually(
        async () => ((await queue.getJob(id!))?.returnvalue as object | null) ?? undefined,
        {
          timeoutMs: 90_000,
          description: 'the job to be done',
        },
      );
      expect(result).toEqual({ to: 'ADA', copies: 2 });
      worker.kill('SIGTERM');
      expect(await worker.exited).toEqual({ code: 0, signal: null });
      expect(worker.stdout).toContain('closed my connections');
    } finally {
      redis.disconnect();
    }
  });
});
