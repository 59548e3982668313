import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { bodyOf, collect } from './bodies.fixture.ts';
import { readBody, request, tryOnce, type RequestOptions, type S3Request } from './s3-requests.ts';

const { signal } = new AbortController();
const about: S3Request = {
  operation: 'GetObject',
  target: 's3://backups/part',
  bucket: 'backups',
  endpoint: 'https://minio.storage:9000',
  secrets: [],
  signal,
};

function options(now: () => number = () => 0): RequestOptions {
  return { stallMs: 20, attempts: 2, giveUpMs: 60_000, now, random: () => 0, sleep: () => Promise.resolve() };
}

// Wall 2, any part may hang: whatever an SDK waits for, its caller does not.
it('waits no longer than its own deadline, and tells the SDK to stop', async () => {
  let seen: AbortSignal | undefined;
  const never = (given: AbortSignal): Promise<never> => {
    seen = given;
    return new Promise(() => undefined);
  };
  await expect(tryOnce(about, options(), never)).rejects.toMatchObject({
    reason: 'StorageUnreachable',
    retryable: true,
  });
  expect(seen?.aborted).toBe(true);
});

it('tries again what is late, and not what its caller stopped', async () => {
  let tries = 0;
  const late = (): Promise<never> => {
    tries += 1;
    return new Promise(() => undefined);
  };
  await expect(request(about, options(), late)).rejects.toThrow('no answer after 0 s');
  expect(tries).toBe(2);
  const stop = new AbortController();
  const stopped = request({ ...about, signal: stop.signal }, options(), late);
  stop.abort(new Error('stopped'));
  await expect(stopped).rejects.toThrow('stopped');
  expect(tries).toBe(3);
});

it('ends a body that trickles, however often something comes', async () => {
  let nowMs = 0;
  const now = (): number => (nowMs += 1);
  const body = Readable.from(bodyOf(1_000, 1));
  await expect(collect(readBody(body, about, options(now)))).rejects.toThrow(/the answer stopped after \d\d? bytes/);
  expect(body.destroyed).toBe(true);
});

it('does not count the time that its reader takes', async () => {
  let nowMs = 0;
  const body = Readable.from(bodyOf(1_000, 100));
  let bytes = 0;
  for await (const chunk of readBody(
    body,
    about,
    options(() => nowMs),
  )) {
    bytes += chunk.length;
    nowMs += 3_600_000;
  }
  expect(bytes).toBe(1_000);
});
