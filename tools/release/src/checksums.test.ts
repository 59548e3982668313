import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checksums, filesIn } from './checksums.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'redis-queue-checksums-'));
  mkdirSync(join(folder, 'b'));
  writeFileSync(join(folder, 'b/x.tar'), 'x');
  writeFileSync(join(folder, 'a.md'), 'a');
  writeFileSync(join(folder, 'B.md'), 'b');
});
afterAll(() => rmSync(folder, { recursive: true }));

it('lists files in one order wherever it runs', () => {
  expect(filesIn(folder)).toEqual(['B.md', 'a.md', 'b/x.tar']);
});

it('writes what sha256sum checks', () => {
  const sums = checksums(folder, filesIn(folder));
  expect(sums.split('\n')[1]).toBe('ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.md');
  const output = execFileSync('sha256sum', ['-c', '-'], { cwd: folder, input: sums, encoding: 'utf8' });
  expect(output).toBe('B.md: OK\na.md: OK\nb/x.tar: OK\n');
});
