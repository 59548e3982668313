import { expect, it } from 'vitest';
import { explainVolumeError } from './volume-errors.ts';

const about = { operation: 'write', location: 'file:///backups', path: 'shop/part-00001' } as const;

it.each([
  ['ENOSPC', 'StorageFull', false],
  ['EDQUOT', 'StorageFull', false],
  ['EACCES', 'StorageDenied', false],
  ['EROFS', 'StorageDenied', false],
  ['ELOOP', 'StorageDenied', false],
  ['ESTALE', 'StorageUnreachable', true],
  ['ETIMEDOUT', 'StorageUnreachable', true],
  ['EIO', 'StorageFailed', true],
  ['EXDEV', 'StorageFailed', false],
])('%s is %s', (code, reason, retryable) => {
  const error = Object.assign(new Error(`${code}: write`), { code });
  expect(explainVolumeError(error, about)).toMatchObject({
    reason,
    retryable,
    message: expect.stringMatching(
      new RegExp(`^write shop/part-00001 in file:///backups: .+ \\(${code}\\)$`),
    ) as string,
  });
});

it('leaves what is no error of the file system as it is', () => {
  for (const error of [new Error('a bug'), Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })])
    expect(explainVolumeError(error, about)).toBe(error);
});
