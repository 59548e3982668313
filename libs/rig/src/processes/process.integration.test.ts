import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../waiting/eventually.ts';
import { processStartTime } from './guardian.ts';
import { startProcess } from './process.ts';

const script = (code: string) => ['-e', code];

it('hands over the lines of both streams and the exit code', async () => {
  const child = startProcess('node', script('console.log("out"); console.error("err"); process.exitCode = 3'));
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect([child.stdout, child.stderr]).toEqual([['out'], ['err']]);
});

it('finds a line that was printed before it was asked for', async () => {
  await using child = startProcess('node', script('console.log("port 7"); setInterval(() => {}, 1000)'));
  await child.waitForLine(/port \d/);
  expect(await child.waitForLine(/port (\d)/)).toBe('port 7');
});

it('shows the last lines when a program ends before the line came', async () => {
  const child = startProcess('node', script('console.log("no such flag"); process.exit(2)'));
  await expect(child.waitForLine(/ready/)).rejects.toThrow(/it ended with 2[^]*no such flag/);
});

it('says so when there is no such program', async () => {
  const child = startProcess('/nonexistent/program', []);
  await expect(child.waitForLine(/ready/)).rejects.toThrow('ENOENT');
});

it('leaves no process and no folder behind when the test process is killed', async () => {
  const parent = startProcess('node', [
    '--input-type=module',
    ...script(`
      const { startProcess, temporaryFolder } = await import(${JSON.stringify(import.meta.resolve('./process.ts'))});
      const folder = temporaryFolder('orphan');
      const child = startProcess('sleep', ['600']);
      console.log(JSON.stringify({ folder, pid: child.pid }));
    `),
  ]);
  const { folder, pid } = JSON.parse(await parent.waitForLine(/pid/)) as { folder: string; pid: number };
  writeFileSync(join(folder, 'data'), '');
  expect(processStartTime(pid)).toBeDefined();
  await parent.stop('SIGKILL');
  await eventually(() => processStartTime(pid) === undefined && !existsSync(folder), { description: 'both to go' });
});
