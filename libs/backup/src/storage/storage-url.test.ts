import { expect, it } from 'vitest';
import { parseStorageUrl } from './storage-url.ts';

it('reads buckets and directories', () => {
  expect(parseStorageUrl('s3://backups')).toEqual({ s3: { bucket: 'backups' } });
  expect(parseStorageUrl('s3://backups/shop/a/?endpoint=https://minio.storage:9000&region=eu-west-1')).toEqual({
    s3: { bucket: 'backups', prefix: 'shop/a', endpoint: 'https://minio.storage:9000', region: 'eu-west-1' },
  });
  expect(parseStorageUrl('s3://b.c/?forcePathStyle=false')).toEqual({ s3: { bucket: 'b.c', forcePathStyle: false } });
  expect(parseStorageUrl('file:///var/back%20ups')).toEqual({ volume: { root: '/var/back ups' } });
});

it.each([
  'backups',
  's3://',
  's3:/backups',
  'https://backups.s3.amazonaws.com/a',
  'file://host/a',
  'file:///a?region=b',
  's3://backups?secretKey=hush-hush',
  's3://backups?forcePathStyle=hush-hush',
  's3://key:hush-hush@backups',
])('refuses %s, and repeats no secret', (url) => {
  let message = '';
  try {
    parseStorageUrl(url);
  } catch (error) {
    ({ message } = error as Error);
  }
  expect(message).not.toBe('');
  expect(message).not.toContain('hush-hush');
});
