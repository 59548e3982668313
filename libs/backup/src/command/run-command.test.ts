import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStorage } from '../backup/memory-storage.fixture.ts';
import { keyNamed, keyText, SAMPLE_QUEUES, writeSample } from '../backup/sample-backup.fixture.ts';
import {
  pointsOfStates,
  recordsOfState,
  settled,
  writeChain,
  type QueueState,
} from '../backup/sample-chain.fixture.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { StorageError } from '../storage/storage.ts';
import { runCommand } from './run-command.ts';

const FILES: Record<string, string> = { 'key-a': keyText('a'), 'key-b': keyText('b'), 'no-key': 'secret-of-somebody' };

let storage: MemoryStorage;
let closed = 0;
let sha256: string;
beforeEach(async () => {
  storage = new MemoryStorage();
  storage.close = () => void (closed += 1);
  closed = 0;
  ({ sha256 } = await writeSample(storage, 'shop/monday', { key: keyNamed('a'), backupId: 'm' }));
  await writeSample(storage, 'shop/tuesday', { backupId: 't' });
});

/** Runs a command line, with `memory:` for the storage and the files above. */
async function run(line: string, signal = new AbortController().signal) {
  const [output, warnings]: [Buffer[], string[]] = [[], []];
  const status = await runCommand(line.split(' ').filter(Boolean), {
    openStorage: async (url) => {
      if (url === 'memory:') return storage;
      throw new StorageError('StorageUnreachable', `${url} does not answer`, { retryable: true });
    },
    kmsKey: async ({ keyId, region, endpoint }, namespace) =>
      keyNamed(`${namespace === 'shop' ? '' : namespace}${keyId}${region ?? ''}${endpoint ?? ''}`),
    readFile: async (path) => FILES[path] ?? Promise.reject(new Error('no such file')),
    write: async (text) => void output.push(Buffer.from(text as string)),
    warn: (text) => void warnings.push(text),
    signal,
  });
  return { status, output: Buffer.concat(output).toString(), warnings: warnings.join('\n') };
}

const lines = (queue: keyof typeof SAMPLE_QUEUES): string =>
  SAMPLE_QUEUES[queue].map((record) => `${JSON.stringify(record)}\n`).join('');

describe('redis-queue-backup', () => {
  it('lists backups, with no key', async () => {
    const { status, output } = await run('list memory: shop');
    expect(status).toBe(0);
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['CREATED', 'KIND', 'QUEUES', 'RECORDS', 'STORED', 'KEY', 'DIRECTORY'],
      ['2026-11-29T10:00:00.000Z', 'full', '2', '90', expect.stringMatching(/KiB$/), keyNamed('a').id, 'shop/monday'],
      ['2026-11-29T10:00:00.000Z', 'full', '2', '90', expect.stringMatching(/KiB$/), 'none', 'shop/tuesday'],
    ]);
  });

  it('lists the others when one cannot be read, and says so', async () => {
    storage.objects.set('shop/a/manifest.json', Buffer.from('{}'));
    const { status, output, warnings } = await run('list memory: shop');
    expect([status, output.split('\n').length]).toEqual([1, 4]);
    expect(warnings).toContain('shop/a/manifest.json is no manifest of a backup');
  });

  it('verifies a backup, and says who can have written it', async () => {
    const encrypted = await run(`verify memory: shop/monday --key-file key-a --manifest-sha256 ${sha256}`);
    expect(encrypted).toMatchObject({ status: 0, warnings: '' });
    expect(encrypted.output).toMatch(/^✔ shop\/monday: 2 queues, 90 records, \d+ parts, /);
    expect(encrypted.output).toContain(`written by somebody who has it.\n  SHA-256 of the manifest: ${sha256}\n`);
    const plain = await run('verify memory: shop/tuesday/');
    expect(plain).toMatchObject({ status: 0, warnings: '' });
    expect(plain.output).toContain('Not encrypted');
    expect(closed).toBe(2);
  });

  it('lists, verifies and exports points of a chain', async () => {
    const states: QueueState[] = [
      { a: 1, b: 1 },
      { a: 2, b: 1 },
      { a: 2, c: 1 },
    ];
    const [, middle, newest] = await writeChain(storage, pointsOfStates(states), {
      chain: 'all/c00001',
      key: keyNamed('a'),
    });
    const list = await run('list memory: all');
    const rows = list.output
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(rows.map(([, kind, , records, , , directory]) => [kind, records, directory])).toEqual([
      ['KIND', 'RECORDS', 'DIRECTORY'],
      ['full', '6', 'all/c00001/000000-a'],
      ['increment', '5', 'all/c00001/000001-a'],
      ['increment', '5', 'all/c00001/000002-a'],
    ]);
    const verified = await run(
      `verify memory: ${newest!.directory} --key-file key-a --manifest-sha256 ${newest!.sha256}`,
    );
    expect(verified).toMatchObject({ status: 0, warnings: '' });
    expect(verified.output).toMatch(/000002-a: 1 queues, a chain of 3 points with 16 records, \d+ parts, /);
    const exported = await run(`export memory: ${middle!.directory} --key-file key-a`);
    expect(exported).toMatchObject({ status: 0, warnings: '' });
    const records = exported.output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonRecord);
    expect(settled(records)).toEqual(settled(recordsOfState(states[1]!)));

    storage.objects.delete('all/c00001/000000-a/manifest.json');
    const broken = await run(`export memory: ${newest!.directory} --key-file key-a`);
    expect(broken).toMatchObject({ status: 1, output: '' });
    expect(broken.warnings).toContain('all/c00001/000000-a/manifest.json does not exist');
  });

  it('takes a key from AWS KMS', async () => {
    expect(await run('verify memory: shop/monday --kms-key a --namespace shop')).toMatchObject({
      status: 0,
      warnings: '',
    });
    const elsewhere = await run(
      'verify memory: shop/monday --kms-key a --namespace shop --kms-region b --kms-endpoint c',
    );
    expect(elsewhere).toMatchObject({ status: 3, warnings: expect.stringContaining(keyNamed('abc').id) as string });
  });

  it('exports records, of all queues or of those that are named', async () => {
    const all = await run('export memory: shop/monday --key-file key-a');
    expect(all).toEqual({ status: 0, output: lines('emails') + lines('orders'), warnings: '' });
    const one = await run('export memory: shop/tuesday --queue orders');
    expect(one).toEqual({ status: 0, output: lines('orders'), warnings: '' });
  });

  it('exports nothing of a part that is damaged, and says which', async () => {
    const part = storage.object('shop/tuesday/emails/part-00002');
    part[part.length >> 1]! ^= 1;
    const { status, output, warnings } = await run('export memory: shop/tuesday');
    expect(status).toBe(1);
    expect(warnings).toContain('shop/tuesday/emails/part-00002 has the SHA-256');
    expect(lines('emails').startsWith(output)).toBe(true);
    expect(output).not.toBe('');
    expect(await run('verify memory: shop/tuesday')).toMatchObject({ status: 1, output: '' });
  });

  it.each([
    ['verify memory: shop/monday', 3, 'give the key secret:'],
    ['verify memory: shop/monday --key-file key-b', 3, 'add that key'],
    ['verify memory: shop/monday --key-file none', 3, 'the key file none cannot be read: no such file'],
    ['verify memory: shop/monday --key-file no-key', 3, 'key 1 of 1 is not 32 bytes in base64'],
    ['verify memory: shop/tuesday --key-file key-a', 3, 'is not encrypted'],
    [`verify memory: shop/tuesday --manifest-sha256 ${'0'.repeat(64)}`, 1, 'not the manifest of the backup'],
    ['verify memory: shop/sunday', 1, 'shop/sunday/manifest.json does not exist in memory'],
    ['verify other: shop/monday', 4, 'other: does not answer'],
    ['', 2, 'is none of the commands list, verify, export'],
    ['remove memory: shop/monday', 2, '"remove" is none of the commands'],
    ['verify', 2, 'verify needs a STORAGE'],
    ['export memory:', 2, 'export needs a DIRECTORY'],
    ['verify memory: a b', 2, '"b" is too much'],
    ['verify memory: a --key x', 2, "Unknown option '--key'"],
    ['verify memory: a --queue x', 2, '--queue is for export'],
    ['verify memory: a --manifest-sha256 x', 2, 'has 64 hexadecimal digits'],
    ['verify memory: a --kms-key x --namespace n --key-file y', 2, '--key-file or --kms-key, not both'],
    ['verify memory: a --kms-region x', 2, '--namespace, --kms-region and --kms-endpoint are for --kms-key'],
    ['verify memory: a --kms-key x', 2, '--kms-key needs --namespace'],
    ['list memory: --kms-key x --namespace n', 2, 'list reads manifests as they are'],
    ['list memory: --key-file key-a', 2, 'list reads manifests as they are'],
    ['export memory: shop/tuesday --queue sms', 2, '--queue sms: the backup has emails, orders'],
  ])('ends %j with status %d and says why', async (line, status, warning) => {
    const result = await run(line);
    expect(result).toMatchObject({ status, output: '' });
    expect(result.warnings).toContain(warning);
    expect(result.warnings).not.toContain(FILES['no-key']);
  });

  it('explains itself', async () => {
    const { status, output, warnings } = await run('--help');
    expect([status, warnings]).toEqual([0, '']);
    expect(output).toMatch(/^redis-queue-backup COMMAND STORAGE/);
  });

  it('ends quietly when it is interrupted', async () => {
    const result = await run('export memory: shop/tuesday', AbortSignal.abort());
    expect(result).toEqual({ status: 130, output: '', warnings: '' });
  });
});
