import { expect, it } from 'vitest';
import { RefusedAddressError } from './endpoint.ts';
import { explainS3Error } from './s3-errors.ts';

const about = {
  operation: 'PutObject',
  target: 's3://backups/shop/part-00001',
  bucket: 'backups',
  endpoint: 'https://minio.storage:9000',
  secrets: ['AKIDEXAMPLE', 'hush-hush'],
};

const answer = (name: string, status: number, message = name): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
const broken = (code: string, message = code): Error => Object.assign(new Error(message), { code });

it.each([
  [answer('NoSuchBucket', 404), 'BucketNotFound', false],
  [answer('AccessDenied', 403), 'StorageDenied', false],
  [answer('InvalidAccessKeyId', 403), 'StorageDenied', false],
  [answer('SignatureDoesNotMatch', 403), 'StorageDenied', false],
  [answer('SlowDown', 503), 'StorageThrottled', true],
  [answer('Whatever', 429), 'StorageThrottled', true],
  [answer('InternalError', 500), 'StorageFailed', true],
  [answer('BadGateway', 502), 'StorageUnreachable', true],
  [answer('XMinioStorageFull', 507), 'StorageFull', false],
  [answer('QuotaExceeded', 403), 'StorageFull', false],
  [answer('PermanentRedirect', 301), 'StorageFailed', false],
  [answer('MalformedXML', 400), 'StorageFailed', false],
  [broken('ECONNREFUSED'), 'StorageUnreachable', true],
  [broken('ENOTFOUND'), 'StorageUnreachable', true],
  [broken('ECONNRESET'), 'StorageUnreachable', true],
  [broken('SELF_SIGNED_CERT_IN_CHAIN'), 'StorageUnreachable', false],
  [Object.assign(broken('ECONNRESET'), { name: 'TimeoutError' }), 'StorageUnreachable', true],
  [Object.assign(new Error('none'), { name: 'CredentialsProviderError' }), 'StorageDenied', false],
  [new RefusedAddressError('minio', '169.254.169.254'), 'StorageDenied', false],
  [answer('constructor', 400), 'StorageFailed', false],
  [Object.assign(answer('X', 400), { message: { a: 1 }, name: ['y'] }), 'StorageFailed', false],
  [new SyntaxError('Unexpected token <'), 'StorageFailed', false],
])('%s is %s', (error, reason, retryable) => {
  const explained = explainS3Error(error, about);
  expect(explained).toMatchObject({ reason, retryable });
  expect(explained.message).toMatch(/^PutObject s3:\/\/backups\/shop\/part-00001 at https:\/\/minio\.storage:9000: /);
});

it('says what the server says, on one line, short, and without a secret', () => {
  const { message } = explainS3Error(
    answer('AccessDenied', 403, `no\nAKIDEXAMPLE hush-hush ${'x'.repeat(500)}`),
    about,
  );
  expect(message).toContain('no … … xxx');
  expect(message).toContain('give these credentials the right s3:PutObject in the bucket backups');
  expect(message.length).toBeLessThan(500);
});
