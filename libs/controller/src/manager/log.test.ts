import { expect, it } from 'vitest';
import { createLog, maskSecrets } from './log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(createLog({ name: 'app', write: (line) => lines.push(line) }));
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

it('writes one JSON object per line, with the level as a word', () => {
  expect(logged((log) => log.info({ namespace: 'ns', object: 'a' }, 'hello'))).toMatchObject({
    level: 'info',
    name: 'app',
    namespace: 'ns',
    object: 'a',
    msg: 'hello',
  });
});

it.each([
  ['rediss://user:s3cret@redis:6379/0', 'rediss://***@redis:6379/0'],
  ['redis://:p%40ss@redis', 'redis://***@redis'],
  ['cannot reach redis://u:a@b@redis:1 now', 'cannot reach redis://***@redis:1 now'],
  ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer ***'],
  ['https://kubernetes.default/api?x=a@b', 'https://kubernetes.default/api?x=a@b'],
  ['image registry.example/worker@sha256:abc', 'image registry.example/worker@sha256:abc'],
])('masks %s', (text, masked) => {
  expect(maskSecrets(text)).toBe(masked);
});

it('masks fields named like secrets and credentials in errors, and the line is still JSON', () => {
  const line = logged((log) =>
    log.error(
      { err: new Error('redis://u:hunter2@h failed'), redisPassword: 'hun"ter2', data: { token: 'hunter2' } },
      'x',
    ),
  );
  expect(JSON.stringify(line)).not.toMatch(/hunter2|hun.*ter2/);
  expect(line).toMatchObject({ redisPassword: '***', data: { token: '***' } });
});
