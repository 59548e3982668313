import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  startS3Proxy,
  startS3Server,
  startSmallDisk,
  type S3Fault,
  type S3Proxy,
  type S3Server,
} from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf, collect, failureOf, MIB, read } from './bodies.fixture.ts';
import { openStorage, type OpenStorageOptions } from './open-storage.ts';
import type { Storage } from './storage.ts';

// Wall 2, any part may hang, not only refuse: what a storage does not do is an error within a deadline of ours, and what
// passes by itself is tried again. At no time is a part of an object to be seen.

/** The deadline where a test waits for it, and a bound on what is waited then, well below the deadline of others. */
const STALL_MS = 1_000;
const BOUND_MS = 10_000;
const { signal } = new AbortController();

let server: S3Server;
/** Not by way of a proxy. */
let direct: Storage;
beforeAll(async () => {
  server = await startS3Server();
  direct = await openStorage({ s3: { bucket: 'backups', endpoint: server.endpoint } }, server.credentials);
});
afterAll(async () => {
  direct.close();
  await server.stop();
});

interface Way extends AsyncDisposable {
  readonly storage: Storage;
  readonly proxy: S3Proxy;
}

/** A storage behind a proxy on which the requests that `fault` names fail, and tries follow each other at once. */
async function wayWith(
  fault: (request: { method: string; url: string }, count: number) => S3Fault | undefined,
  options: OpenStorageOptions = {},
): Promise<Way> {
  let count = 0;
  const proxy = await startS3Proxy(server, (request) => fault(request, (count += 1)));
  const s3 = { bucket: 'backups', endpoint: proxy.endpoint };
  const quick = { partBytes: 5 * MIB, sleep: () => Promise.resolve(), ...options };
  const storage = await openStorage({ s3 }, server.credentials, quick);
  return {
    storage,
    proxy,
    async [Symbol.asyncDispose]() {
      storage.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** A storage at a server that answers every request as `answer` does. */
async function serving(
  answer: (response: ServerResponse) => void,
): Promise<{ readonly storage: Storage } & AsyncDisposable> {
  const http = createServer((request, response) => {
    request.resume();
    answer(response);
  });
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const quick = { sleep: () => Promise.resolve() };
  const storage = await openStorage({ s3: { bucket: 'backups', endpoint } }, server.credentials, quick);
  return {
    storage,
    async [Symbol.asyncDispose]() {
      storage.close();
      http.closeAllConnections();
      await new Promise<void>((resolve) => void http.close(() => resolve()));
    },
  };
}

/** The error of a call, and how long it took. */
async function failure(call: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const begun = performance.now();
  const error = await failureOf(call);
  return { error, ms: performance.now() - begun };
}

/** What is to be seen below a directory. */
const listed = (directory: string): Promise<unknown> => collect(direct.list(`${directory}/`, { signal }));

const whole = async (storage: Storage, path: string, size: number): Promise<boolean> =>
  (await read(storage.get(path, { signal }))).equals(await read(bodyOf(size)));

const gone = { kind: 'answer', status: 404, code: 'NoSuchUpload' } as const;

describe.concurrent('a server that', () => {
  it('never answers fails each call within the deadline', async () => {
    await using way = await wayWith(() => ({ kind: 'hang' }), { stallMs: STALL_MS, giveUpMs: 0 });
    const { storage } = way;
    const calls = [
      storage.put('hangs/a', bodyOf(1), { signal }),
      storage.put('hangs/b', bodyOf(11 * MIB), { signal }),
      read(storage.get('hangs/a', { signal })),
      collect(storage.list('hangs/', { signal })),
      storage.remove('hangs/a', { signal }),
    ];
    const failed = await Promise.all(calls.map(failure));
    expect(failed.map(({ error }) => error)).toEqual(
      failed.map(() => expect.objectContaining({ reason: 'StorageUnreachable', retryable: true }) as unknown),
    );
    expect(Math.max(...failed.map(({ ms }) => ms))).toBeLessThan(BOUND_MS);
    expect(await listed('hangs')).toEqual([]);
  });

  it('never answers ends with the storage', async () => {
    await using way = await wayWith(() => ({ kind: 'hang' }));
    const calls = [way.storage.put('ends/a', bodyOf(1), { signal }), read(way.storage.get('ends/a', { signal }))];
    const failed = Promise.all(calls.map(failure));
    way.storage.close();
    for (const { error } of await failed) expect(String(error)).toContain('was closed');
  });

  it('stops in the middle of an object fails it, or goes on where it stopped', async () => {
    const stop = { kind: 'stop answer', afterBytes: 100_000 } as const;
    const early = { kind: 'stop answer', afterBytes: 200 } as const;
    const fault = ({ url }: { url: string }) => (url.includes('list-type') ? early : stop);
    await using way = await wayWith(fault, { stallMs: STALL_MS, giveUpMs: 0 });
    await direct.put('stops/a', bodyOf(MIB), { signal });
    for (const call of [
      () => read(way.storage.get('stops/a', { signal })),
      () => collect(way.storage.list('', { signal })),
    ]) {
      const { error, ms } = await failure(call());
      expect(error).toMatchObject({ reason: 'StorageUnreachable', retryable: true });
      expect(ms).toBeLessThan(BOUND_MS);
    }
    await using patient = await wayWith((_, count) => (count === 1 ? stop : undefined), { stallMs: STALL_MS });
    expect(await whole(patient.storage, 'stops/a', MIB)).toBe(true);
    const [first, second] = patient.proxy.requests;
    expect(first?.headers).not.toMatch(/^range:/im);
    expect(second?.headers).toMatch(/^range: bytes=\d{5}-$/im);
  });

  it('breaks off an object again and again still gives all of it', async () => {
    await using way = await wayWith(({ method }) =>
      method === 'GET' ? { kind: 'break answer', afterBytes: 700_000 } : undefined,
    );
    await way.storage.put('breaks-off/a', bodyOf(4 * MIB), { signal });
    expect(await whole(way.storage, 'breaks-off/a', 4 * MIB)).toBe(true);
    expect(way.proxy.requests.length).toBeGreaterThan(6);
  });

  it('breaks off an object that is replaced meanwhile fails it', async () => {
    await using way = await wayWith((_, count) =>
      count === 1 ? { kind: 'break answer', afterBytes: 3 * MIB } : undefined,
    );
    await direct.put('replaced/a', bodyOf(4 * MIB), { signal });
    const reading = async (): Promise<void> => {
      let given = 0;
      for await (const chunk of way.storage.get('replaced/a', { signal })) {
        if (given === 0) await direct.put('replaced/a', bodyOf(4 * MIB, 1_000), { signal });
        given += chunk.length;
      }
    };
    const { error } = await failure(reading());
    expect(error).toMatchObject({ reason: 'StorageFailed', retryable: false });
  });

  it('asks for a slower pace gets it, and is throttled when that does not help', async () => {
    const slowDown = { kind: 'answer', status: 503, code: 'SlowDown' } as const;
    await using busy = await wayWith((_, count) => (count <= 3 ? slowDown : undefined));
    await busy.storage.put('slow/a', bodyOf(1), { signal });
    expect(busy.proxy.requests).toHaveLength(4);
    await using busier = await wayWith(() => slowDown);
    const { error } = await failure(busier.storage.put('slow/b', bodyOf(1), { signal }));
    expect(error).toMatchObject({ reason: 'StorageThrottled', retryable: true });
    expect(busier.proxy.requests).toHaveLength(5);
    expect(await listed('slow')).toEqual([{ path: 'slow/a', bytes: 1 }]);
  });

  it('loses the connection in the middle of a part gets the part again', async () => {
    let broken = 0;
    await using way = await wayWith(({ url }) =>
      url.includes('partNumber=2') && broken++ === 0 ? { kind: 'break request', afterBytes: 2 * MIB } : undefined,
    );
    await way.storage.put('part/a', bodyOf(16 * MIB), { signal });
    expect(broken).toBe(2);
    expect(await whole(way.storage, 'part/a', 16 * MIB)).toBe(true);
  });

  it('has done it, but whose answer is lost, has done it, also where it knows nothing of that upload then', async () => {
    let completed = 0;
    await using way = await wayWith(({ method, url }) => {
      if (method !== 'POST' || !url.includes('uploadId=')) return undefined;
      completed += 1;
      return completed === 1 ? { kind: 'break answer', afterBytes: 0 } : gone;
    });
    await way.storage.put('lost/a', bodyOf(11 * MIB), { signal });
    expect(completed).toBe(2);
    expect(await whole(direct, 'lost/a', 11 * MIB)).toBe(true);
  });

  it('has lost an upload that was under way fails it, although an older object is there', async () => {
    await direct.put('gone/a', bodyOf(11 * MIB), { signal });
    await using way = await wayWith(({ method, url }) =>
      method === 'POST' && url.includes('uploadId=') ? gone : undefined,
    );
    const { error } = await failure(way.storage.put('gone/a', bodyOf(11 * MIB), { signal }));
    expect(error).toMatchObject({ reason: 'StorageFailed', retryable: false });
    expect(String(error)).toContain('the upload is gone');
  });

  it('takes a part never, has nothing of the object, and of its upload nothing either', async () => {
    const aborted: string[] = [];
    await using way = await wayWith(({ method, url }) => {
      if (method === 'DELETE') aborted.push(url);
      return url.includes('partNumber=3') ? { kind: 'break request', afterBytes: MIB } : undefined;
    });
    const { error } = await failure(way.storage.put('never/a', bodyOf(16 * MIB), { signal }));
    expect(error).toMatchObject({ reason: 'StorageUnreachable', retryable: true });
    expect(await listed('never')).toEqual([]);
    expect(aborted).toHaveLength(1);
  });

  it('denies a part ends the upload at once', async () => {
    await using way = await wayWith(({ url }) =>
      url.includes('partNumber=1') ? { kind: 'answer', status: 403, code: 'AccessDenied' } : undefined,
    );
    const { error } = await failure(way.storage.put('denied/a', bodyOf(16 * MIB), { signal }));
    expect(error).toMatchObject({
      reason: 'StorageDenied',
      retryable: false,
      message: expect.stringContaining('give these credentials the right s3:PutObject in the bucket backups') as string,
    });
    expect(way.proxy.requests.filter(({ url }) => url.includes('partNumber=1'))).toHaveLength(1);
  });

  // Wall 1: AWS' parser takes 250 MB for the first of them, and minutes for the second.
  it.each([
    ['of one long text', 200, `<a>${'A'.repeat(8 * MIB - 4_096)}</a>`, 'longer than 512 KiB'],
    ['of document types', 200, `${'<!DOCTYPE>'.repeat(50_000)}<a></a>`, 'has a document type'],
    ['that is a long error', 500, `<Error><Code>${'A'.repeat(MIB)}</Code></Error>`, 'longer than 16 KiB'],
  ])('gives an answer %s is not parsed', async (_, status, text, says) => {
    let asked = 0;
    await using hostile = await serving((answer) => {
      asked += 1;
      answer.writeHead(status, { 'content-type': 'application/xml' }).end(text);
    });
    const { error } = await failure(collect(hostile.storage.list('', { signal })));
    expect(error).toMatchObject({ reason: 'StorageFailed', message: expect.stringContaining(says) as string });
    expect(asked).toBe(1);
  });

  it('answers without end is not read to its end', async () => {
    let sent = 0;
    await using endless = await serving((answer) => {
      const more = (): void => {
        while (!answer.destroyed && answer.write(`<Contents><Key>${'x'.repeat(MIB)}</Key></Contents>`)) sent += MIB;
        sent += MIB;
      };
      answer.on('drain', more).writeHead(200, { 'content-type': 'application/xml' }).write('<ListBucketResult>');
      more();
    });
    const { error } = await failure(collect(endless.storage.list('', { signal })));
    expect(error).toMatchObject({
      reason: 'StorageFailed',
      message: expect.stringContaining('longer than 512 KiB') as string,
    });
    expect(sent).toBeLessThan(32 * MIB);
  });
});

it('says of a disk that is full that it is, and leaves nothing half', async () => {
  await using disk = await startSmallDisk(12);
  await using full = await startS3Server({ folder: disk.folder });
  const s3 = await openStorage({ s3: { bucket: 'backups', endpoint: full.endpoint } }, full.credentials, {
    sleep: () => Promise.resolve(),
  });
  const ofServer = await failure(s3.put('full/a', bodyOf(40 * MIB), { signal }));
  expect(ofServer.error).toMatchObject({ reason: 'StorageFull' });
  expect(await collect(s3.list('', { signal }))).toEqual([]);
  s3.close();
  const volume = await openStorage({ volume: { root: disk.folder, path: 'volume' } }, {});
  const ofVolume = await failure(volume.put('full/a', bodyOf(40 * MIB), { signal }));
  expect(ofVolume.error).toMatchObject({ reason: 'StorageFull' });
  expect(await collect(volume.list('', { signal }))).toEqual([]);
  await volume.put('small', bodyOf(MIB), { signal });
});

it('has the room that a failed write took free again once it has failed', async () => {
  await using disk = await startSmallDisk(12);
  const volume = await openStorage({ volume: { root: disk.folder, path: 'volume' } }, {});
  for (let round = 0; round < 60; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await failure(volume.put('full', bodyOf(40 * MIB), { signal }))).toMatchObject({
      error: { reason: 'StorageFull' },
    });
    // oxlint-disable-next-line no-await-in-loop
    await volume.put('half', bodyOf(5 * MIB), { signal });
  }
});
