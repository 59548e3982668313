import { expect, it } from 'vitest';
import { createLog } from './log.ts';
import { maskSecrets } from './mask-secrets.ts';

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

// Wall 1, a tenant is hostile: names of fields, versions and answers have any length and content.
it.each([
  ['letters', 'a'.repeat(400_000)],
  ['quotes', '"'.repeat(400_000)],
  ['schemes', 'a://'.repeat(100_000)],
  ['signs of users', `redis://${'a@'.repeat(200_000)}`],
  ['names of secrets', '"password'.repeat(50_000)],
  ['bearers', 'bearer '.repeat(60_000)],
])('masks what comes after 400,000 %s, which a search from each of them would take minutes for', (_, text) => {
  expect(maskSecrets(`${text} redis://u:hunter2@h`)).not.toContain('hunter2');
});

it('writes lines of bounded length, whatever is logged, and they stay JSON', () => {
  const long = 'x'.repeat(1_000_000);
  const line = logged((log) => log.warn({ object: long, err: new Error(long), list: Array(50_000).fill('y') }, long));
  expect(JSON.stringify(line).length).toBeLessThan(40_000);
  expect(line.msg).toMatch(/^x{4000,4095}…$/);
  const error = logged((log) => log.error({ err: new Error(long) }, 'failed'));
  expect(JSON.stringify(error).length).toBeLessThan(20_000);
  expect(error).toMatchObject({ msg: 'failed', err: { type: 'Error' } });
});
