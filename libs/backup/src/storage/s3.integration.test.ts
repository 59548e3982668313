import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  createAuthority,
  issueCertificate,
  startS3Proxy,
  startProcess,
  startS3Server,
  temporaryFolder,
  type S3Server,
} from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf, collect, failureOf, MIB, read } from './bodies.fixture.ts';
import { openStorage } from './open-storage.ts';
import type { S3Spec } from './storage-spec.ts';
import { ObjectNotFoundError, type Storage } from './storage.ts';

let server: S3Server;
let storage: Storage;
let client: S3Client;
beforeAll(async () => {
  server = await startS3Server({ versioning: true });
  storage = await open();
  client = new S3Client({
    ...server,
    forcePathStyle: true,
    credentials: {
      accessKeyId: server.credentials['access-key-id'],
      secretAccessKey: server.credentials['secret-access-key'],
    },
  });
});
afterAll(async () => {
  storage.close();
  client.destroy();
  await server.stop();
});

const { signal } = new AbortController();
/** Tries follow each other at once. */
const soon = { sleep: () => Promise.resolve() };

function open(spec: Partial<S3Spec> = {}, credentials: Record<string, string> = { ...server.credentials }) {
  return openStorage({ s3: { bucket: 'backups', endpoint: server.endpoint, ...spec } }, credentials, soon);
}

it.each([0, 1, 40 * MIB])('gives back the %i bytes that were put, and removes them', async (size) => {
  const path = `sizes/${size}/part-00001`;
  let seen: unknown[] = [];
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield* bodyOf(size);
    seen = await collect(storage.list(`sizes/${size}/`, { signal }));
  };
  await storage.put(path, source(), { signal });
  expect(seen).toEqual([]);
  expect((await read(storage.get(path, { signal }))).equals(await read(bodyOf(size)))).toBe(true);
  expect(await collect(storage.list(`sizes/${size}/`, { signal }))).toEqual([{ path, bytes: size }]);
  await storage.remove(path, { signal });
  await storage.remove(path, { signal });
  expect(await collect(storage.list(`sizes/${size}/`, { signal }))).toEqual([]);
  expect((await client.send(new ListMultipartUploadsCommand({ Bucket: 'backups' }))).Uploads ?? []).toEqual([]);
});

it('keeps to its prefix, and lists more than a page', async () => {
  const inner = await open({ prefix: 'shop/nightly' });
  const folder = join(server.folder, 'backups/shop/nightly/queue');
  mkdirSync(folder, { recursive: true });
  const names = Array.from({ length: 1_005 }, (_, index) => `part-${String(index).padStart(5, '0')}`);
  for (const name of names) writeFileSync(join(folder, name), 'x');
  await storage.put('shop/nightly-2/queue/part-00000', bodyOf(1), { signal });
  expect((await collect(inner.list('queue/', { signal }))).map(({ path }) => path)).toEqual(
    names.map((name) => `queue/${name}`),
  );
  expect(await read(storage.get('shop/nightly/queue/part-00000', { signal }))).toHaveLength(1);
  inner.close();
});

it('names what is missing or denied, where, and the way out', async () => {
  await expect(read(storage.get('none', { signal }))).rejects.toBeInstanceOf(ObjectNotFoundError);
  const missing = await open({ bucket: 'no-such-bucket' });
  expect(await failureOf(missing.put('a', bodyOf(1), { signal }))).toMatchObject({ reason: 'BucketNotFound' });
  expect(await failureOf(read(missing.get('a', { signal })))).toMatchObject({ reason: 'BucketNotFound' });
  expect(await failureOf(collect(missing.list('', { signal })))).toMatchObject({ reason: 'BucketNotFound' });
  const wrong = { 'access-key-id': 'nobody-known', 'secret-access-key': 'hush-hush-hush' };
  for (const keys of [wrong, { ...server.credentials, 'secret-access-key': 'hush-hush-hush' }]) {
    const denied = await open({}, keys);
    const error = await failureOf(denied.put('a', bodyOf(1), { signal }));
    expect(error).toMatchObject({ reason: 'StorageDenied', retryable: false });
    expect(String(error)).toContain('PutObject s3://backups/a at http://127.0.0.1:');
    expect(String(error)).toContain('in the Secret of the storage');
    expect(JSON.stringify(error) + String(error)).not.toMatch(/hush-hush|nobody-known|rig-access-key-id/);
    denied.close();
  }
  await expect(open({}, {})).rejects.toMatchObject({ reason: 'StorageDenied' });
  await expect(open({}, { 'access-key-id': 'a' })).rejects.toThrow('lacks secret-access-key');
  missing.close();
});

it('reads no more of an object than it is asked for', async () => {
  await storage.put('large', bodyOf(1_000), { signal });
  expect(await failureOf(read(storage.get('large', { signal, maxBytes: 999 })))).toMatchObject({
    reason: 'StorageFailed',
    message: expect.stringContaining('more than the 999 bytes') as string,
  });
});

it('trusts a server whose certificate a CA of its own signed by ca.crt alone', async () => {
  const folder = temporaryFolder('s3-tls');
  const authority = await createAuthority(folder, 'ca', 'storage');
  const tls = await issueCertificate(folder, 's3', 's3', authority, 'subjectAltName=IP:127.0.0.1');
  await using secure = await startS3Server({ tls });
  const { endpoint } = secure;
  const strange = await open({ endpoint });
  expect(await failureOf(strange.put('a', bodyOf(1), { signal }))).toMatchObject({
    reason: 'StorageUnreachable',
    retryable: false,
    message: expect.stringContaining('ca.crt of the Secret') as string,
  });
  const trusted = await open(
    { endpoint },
    { ...secure.credentials, 'ca.crt': readFileSync(authority.certificate, 'utf8') },
  );
  await trusted.put('a', bodyOf(10 * MIB), { signal });
  expect((await read(trusted.get('a', { signal }))).equals(await read(bodyOf(10 * MIB)))).toBe(true);
  for (const each of [strange, trusted]) each.close();
});

// Wall 1, a tenant is hostile: a name may lead anywhere, and somewhere else a moment later.
it('connects to no address where only a node asks, whatever name leads there', async () => {
  const hosts = join(temporaryFolder('hosts'), 'hosts');
  writeFileSync(hosts, '169.254.169.254 metadata.example\nfd00:ec2::254 metadata6.example\n127.0.0.1 s3.example\n');
  const script = join(import.meta.dirname, 'put-by-name.fixture.ts');
  const put = async (endpoint: string): Promise<unknown> => {
    const command = `mount --bind ${hosts} /etc/hosts && exec ${process.execPath} ${script} ${endpoint}`;
    const putting = startProcess('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', command]);
    return JSON.parse(await putting.waitForLine(/^{/)) as unknown;
  };
  const refused = {
    reason: 'StorageDenied',
    message: expect.stringMatching(/leads to (169.254.169.254|fd00:ec2::254)/) as string,
  };
  const [metadata, metadata6, other] = await Promise.all(
    ['http://metadata.example', 'https://metadata6.example', `http://s3.example:${server.port}`].map(put),
  );
  expect(metadata).toMatchObject(refused);
  expect(metadata6).toMatchObject(refused);
  expect(other).toMatchObject({ reason: 'StorageDenied', message: expect.stringContaining('access-key-id') as string });
});

it('acts with the credentials of the environment only where that is allowed', async () => {
  const { 'access-key-id': id, 'secret-access-key': key } = server.credentials;
  const before = { ...process.env };
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: key });
  try {
    await expect(open({}, {})).rejects.toMatchObject({ reason: 'StorageDenied' });
    const s3 = { bucket: 'backups', endpoint: server.endpoint };
    const own = await openStorage({ s3 }, {}, { ...soon, defaultCredentialChain: true });
    await own.put('own', bodyOf(1), { signal });
    own.close();
  } finally {
    process.env = before;
  }
});

describe('encryption by the server', () => {
  const serverSideEncryption = { algorithm: 'aws:kms', kmsKeyId: 'a-key' } as const;

  it.each([1_000, 9 * MIB])('is asked for, and checked, for %i bytes', async (size) => {
    const header = 'x-amz-server-side-encryption: aws:kms';
    const [encrypts, ignores] = [true, false].map((says) =>
      startS3Proxy(server, () => (says ? { kind: 'add header', header } : undefined)),
    );
    await using encrypting = await encrypts!;
    await using ignoring = await ignores!;
    const good = await open({ endpoint: encrypting.endpoint, serverSideEncryption });
    await good.put(`encrypted/${size}`, bodyOf(size), { signal });
    expect(encrypting.requests[0]!.headers).toContain(header);
    expect(encrypting.requests[0]!.headers).toContain('x-amz-server-side-encryption-aws-kms-key-id: a-key');
    // versitygw stores plain text, whatever it is asked for.
    const bad = await open({ endpoint: ignoring.endpoint, serverSideEncryption });
    expect(await failureOf(bad.put(`plain/${size}`, bodyOf(size), { signal }))).toMatchObject({
      reason: 'StorageFailed',
      message: expect.stringContaining('does not encrypt with aws:kms') as string,
    });
    expect(await collect(bad.list('plain/', { signal }))).toEqual([]);
    for (const each of [good, bad]) each.close();
  });
});

describe('objects that nobody may delete', () => {
  it('need a bucket with locks', async () => {
    const error = await failureOf(
      (await open({ objectLock: { mode: 'Governance', days: 1 } })).put('a', bodyOf(1), { signal }),
    );
    expect(error).toMatchObject({ reason: 'StorageFailed', retryable: false });
    expect(String(error)).toMatch(/lock/i);
  });

  it.each([1_000, 9 * MIB])('are locked from when %i bytes are stored', async (size) => {
    const bucket = `locked-${size}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
    const locked = await open({ bucket, objectLock: { mode: 'Compliance', days: 1 } });
    const before = Date.now();
    await locked.put('part', bodyOf(size), { signal });
    const key = { Bucket: bucket, Key: 'part' };
    const { Retention } = await client.send(new GetObjectRetentionCommand(key));
    expect(Retention?.Mode).toBe('COMPLIANCE');
    expect(Retention?.RetainUntilDate?.getTime()).toBeGreaterThan(before + 86_000_000);
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const { VersionId } = Versions[0]!;
    await expect(client.send(new DeleteObjectCommand({ ...key, VersionId }))).rejects.toThrow(/protected|lock|denied/i);
    locked.close();
  });
});
