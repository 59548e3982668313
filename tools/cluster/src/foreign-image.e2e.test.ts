import { expect, it } from 'vitest';
import { run } from './command.ts';
import { foreignImage } from './foreign-image.ts';
import { redisImage } from './images.ts';

const quiet = (): void => undefined;

it('an image that was built elsewhere becomes an archive under the name that pods use', async () => {
  const { archive } = await redisImage();
  const image = await foreignImage(`docker-archive:${archive}`, 'localhost/foreign:1', quiet);
  expect(image.reference).toBe('localhost/foreign:1');
  const [manifest] = JSON.parse(await run('tar', ['-xOf', image.archive, 'manifest.json'])) as { RepoTags: string[] }[];
  expect(manifest?.RepoTags).toEqual(['localhost/foreign:1']);
});

it('an image that cannot be had says why, and from where it could', async () => {
  const missing = foreignImage('docker-archive:/no/such/file.tar', 'localhost/foreign:1', quiet);
  await expect(missing).rejects.toThrow(
    /^image docker-archive:\/no\/such\/file\.tar cannot be had: .*no such file.*docker save/,
  );
});
