import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unpackArchive, writeArchive } from './archive.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'redis-queue-archive-'));
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** A chart's folder, written in an order, at a time and with a umask of its own. */
function folderOf(name: string, order: string[], time: number, mode: number): string {
  const folder = join(scratch, name);
  mkdirSync(join(folder, 'chart/templates'), { recursive: true, mode: 0o700 });
  for (const path of order) {
    const file = join(folder, 'chart', path);
    writeFileSync(file, `text of ${path}\n`);
    chmodSync(file, mode);
    utimesSync(file, time, time);
  }
  return folder;
}

it.each([true, false])('gives equal bytes for equal contents, compressed: %s', (gzip) => {
  const one = folderOf('one', ['templates/a.yaml', 'Chart.yaml', 'values.yaml'], 1_000_000, 0o600);
  const two = folderOf('two', ['values.yaml', 'Chart.yaml', 'templates/a.yaml'], 2_000_000, 0o664);
  const options = { epochSeconds: 1_700_000_000, gzip };
  const files = [one, two].map((folder) => {
    const file = `${folder}.${gzip}.tar`;
    writeArchive(file, folder, ['chart'], options);
    return file;
  });
  expect(readFileSync(files[0]!).equals(readFileSync(files[1]!))).toBe(true);
});

it('keeps what is in the files', () => {
  const folder = folderOf('three', ['Chart.yaml'], 1, 0o644);
  writeArchive(`${folder}.tgz`, folder, ['chart'], { epochSeconds: 5, gzip: true });
  const unpacked = join(scratch, 'unpacked');
  mkdirSync(unpacked);
  unpackArchive(`${folder}.tgz`, unpacked);
  expect(readFileSync(join(unpacked, 'chart/Chart.yaml'), 'utf8')).toBe('text of Chart.yaml\n');
});
