import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { collect, read } from './bodies.fixture.ts';
import { openStorage } from './open-storage.ts';
import { ObjectNotFoundError } from './storage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'redis-queue-volume-'));
});
afterEach(() => rm(root, { recursive: true }));

const { signal } = new AbortController();
const open = (path?: string) => openStorage({ volume: { root, ...(path !== undefined && { path }) } }, {});

async function* bytes(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** Every file below the root, also those that are not finished. */
async function files(): Promise<string[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  return found.filter((each) => !each.isDirectory()).map(({ name }) => name);
}

it.each([0, 1, 3_000_000])('gives back the %i bytes that were put', async (size) => {
  const storage = await open('shop');
  const data = Buffer.alloc(size, 'ab');
  await storage.put('nightly/emails/part-00001', bytes(data.subarray(0, size / 2), data.subarray(size / 2)), {
    signal,
  });
  expect((await read(storage.get('nightly/emails/part-00001', { signal }))).equals(data)).toBe(true);
  expect(await collect(storage.list('', { signal }))).toEqual([{ path: 'nightly/emails/part-00001', bytes: size }]);
  expect(await files()).toEqual(['part-00001']);
  expect(storage.location).toBe(`file://${root}/shop`);
});

it('replaces a file, lists by the beginning of a path, and removes directories with their last file', async () => {
  const storage = await open();
  for (const path of ['a/b/1', 'a/b/2', 'a/b-2/1', 'c']) await storage.put(path, bytes(Buffer.from(path)), { signal });
  await storage.put('c', bytes(Buffer.from('new')), { signal });
  expect((await read(storage.get('c', { signal }))).toString()).toBe('new');
  const listed = async (prefix: string) =>
    (await collect(storage.list(prefix, { signal }))).map(({ path }) => path).toSorted();
  expect(await listed('')).toEqual(['a/b-2/1', 'a/b/1', 'a/b/2', 'c']);
  expect(await listed('a/b')).toEqual(['a/b-2/1', 'a/b/1', 'a/b/2']);
  expect(await listed('a/b/')).toEqual(['a/b/1', 'a/b/2']);
  expect(await listed('none/')).toEqual([]);
  for (const path of ['a/b/1', 'a/b/2', 'a/b-2/1', 'c', 'c', 'none/none']) await storage.remove(path, { signal });
  expect(await readdir(root)).toEqual([]);
});

it('has nothing under a name until it is whole, and nothing of what failed', async () => {
  const storage = await open();
  let seen: string[] = [];
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(100_000);
    seen = (await collect(storage.list('', { signal }))).map(({ path }) => path);
    throw new Error('the source failed');
  };
  await expect(storage.put('a/part', source(), { signal })).rejects.toThrow('the source failed');
  expect(seen).toEqual([]);
  expect(await files()).toEqual([]);
});

it('ends with its signal, although the source does not answer', async () => {
  const storage = await open();
  const stop = new AbortController();
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1);
    stop.abort(new Error('stopped'));
    await new Promise(() => undefined);
  };
  await expect(storage.put('part', source(), { signal: stop.signal })).rejects.toThrow('stopped');
  expect(await files()).toEqual([]);
  storage.close();
  await expect(storage.put('part', bytes(), { signal })).rejects.toThrow('was closed');
});

it('says what is not there, and what is too large to be read', async () => {
  const storage = await open();
  await expect(read(storage.get('a/none', { signal }))).rejects.toBeInstanceOf(ObjectNotFoundError);
  await storage.put('a', bytes(Buffer.alloc(11)), { signal });
  await expect(read(storage.get('a', { signal, maxBytes: 10 }))).rejects.toMatchObject({
    reason: 'StorageFailed',
    message: expect.stringContaining('11 bytes are more than the 10') as string,
  });
  await rm(root, { recursive: true });
  await expect(read(storage.get('a', { signal }))).rejects.toMatchObject({ reason: 'StorageUnreachable' });
  await expect(open()).rejects.toMatchObject({ reason: 'StorageUnreachable' });
  await mkdir(root);
});

// Wall 1, a tenant is hostile: the spec names a path, and others may write to the same volume.
it('never leaves its root: no way up, no symlink, whatever part of a path it is', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'redis-queue-outside-'));
  await writeFile(join(outside, 'secret'), 'hush-hush');
  await expect(open('../x')).rejects.toMatchObject({ reason: 'StorageFailed' });
  await symlink(outside, join(root, 'link'));
  await symlink(join(outside, 'secret'), join(root, 'file'));
  const storage = await open();
  for (const path of ['link/secret', 'link/new', 'file', '../secret', 'a/../../secret']) {
    const calls = [() => read(storage.get(path, { signal }))];
    // Under the name of a link there may be a file: it takes the link's place, and the link goes with it.
    if (path !== 'file') {
      calls.push(() => storage.put(path, bytes(Buffer.from('x')), { signal }).then(() => Buffer.alloc(0)));
      calls.push(() => storage.remove(path, { signal }).then(() => Buffer.alloc(0)));
    }
    for (const call of calls) await expect(call()).rejects.toThrow(/a symlink|lead elsewhere/);
  }
  expect(await collect(storage.list('', { signal }))).toEqual([]);
  await expect(collect(storage.list('link/', { signal }))).rejects.toMatchObject({ reason: 'StorageDenied' });
  await storage.put('file', bytes(Buffer.from('ours')), { signal });
  await storage.remove('file', { signal });
  expect(await readdir(outside)).toEqual(['secret']);
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('hush-hush');
  await rm(outside, { recursive: true });
});

it('removes what a crash left with its directory, once it is old', async () => {
  const storage = await open();
  const left = join(root, 'a', '.part.0123abcd.tmp');
  const put = () => storage.put('a/part', bytes(Buffer.from('x')), { signal });
  await put();
  await writeFile(left, 'half');
  await storage.remove('a/part', { signal });
  expect(await files()).toEqual(['.part.0123abcd.tmp']);
  await put();
  await utimes(left, 0, 0);
  await storage.remove('a/part', { signal });
  expect(await readdir(root)).toEqual([]);
});

it('does not wait at a pipe that somebody put there', async () => {
  const { execFileSync } = await import('node:child_process');
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const storage = await open();
  await expect(read(storage.get('pipe', { signal }))).rejects.toThrow('it is no file');
});
