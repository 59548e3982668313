import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from './bundle.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'redis-queue-bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('makes one file that runs where nothing is installed', async () => {
  const { file, bytes } = await bundle(join(import.meta.dirname, 'fixtures/dependencies.ts'), folder);
  const output = execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8', env: { NODE_PATH: '' } });
  expect(JSON.parse(output)).toMatchObject({
    msg: 'bundle works',
    queue: 'Queue',
    redis: 'refused',
    servers: 'function',
    refusal: 'Invalid input: expected string, received number',
  });
  expect(bytes).toBeLessThan(5 * 1024 * 1024);
  expect(existsSync(join(folder, 'main.js.map'))).toBe(true);
  expect(existsSync(join(folder, 'main.js.LEGAL.txt'))).toBe(true);
});

it('holds no path of the machine that made it, and says what it has code of', async () => {
  const { file, sources } = await bundle(join(import.meta.dirname, 'fixtures/dependencies.ts'), folder);
  const root = resolve(import.meta.dirname, '../../..');
  const holding = [file, `${file}.LEGAL.txt`].filter((each) => readFileSync(each, 'utf8').includes(root));
  expect(holding).toEqual([]);
  expect(sources).toContain('tools/build/src/fixtures/dependencies.ts');
  expect(sources.some((path) => path.includes('node_modules/bullmq/'))).toBe(true);
});

it('leaves out what stays in memory and no app uses', async () => {
  const { file, sources } = await bundle(join(import.meta.dirname, 'fixtures/dependencies.ts'), folder);
  const output = execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
  expect(JSON.parse(output)).toMatchObject({ fetchLoaded: false });
  expect(readFileSync(file, 'utf8').includes('BullMQ PostgreSQL backend')).toBe(false);
  const messages = sources.filter((path) => path.includes('zod/v4/locales/')).map((path) => basename(path));
  expect(messages).toEqual(['en.js', 'index.js']);
});
