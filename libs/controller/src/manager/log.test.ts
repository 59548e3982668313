import { describe, expect, it } from 'vitest';
import { createLog } from './log.ts';
import { maskAndClip, maskSecrets } from './mask-secrets.ts';

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
  ['redis://u:pa/ss?w#rd@redis:1/0', 'redis://***@redis:1/0'],
  ['rediss://:12/34@redis', 'rediss://***@redis'],
  ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer ***'],
  ['Authorization: Basic dTpodW50ZXIy', 'Authorization: Basic ***'],
  ['proxy-authorization=Negotiate abc', 'proxy-authorization=Negotiate ***'],
  ['curl -H "Authorization: opaque-key"', 'curl -H "Authorization: ***"'],
  ['sent Basic dTpodW50ZXIy', 'sent Basic ***'],
  ['basic permissions are missing', 'basic permissions are missing'],
  ['{"authorization":null,"msg":"no authorization:"}', '{"authorization":null,"msg":"no authorization:"}'],
  ['{"redisPassword":12345,"n":1}', '{"redisPassword":"***","n":1}'],
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
  ['headers', 'authorization'.repeat(30_000)],
  ['spaces after a header', `authorization:${' '.repeat(400_000)}`],
  ['basics', 'basic '.repeat(60_000)],
  ['URLs of Redis', 'redis://'.repeat(50_000)],
])('masks what comes after 400,000 %s, which a search from each of them would take minutes for', (_, text) => {
  expect(maskSecrets(`${text} redis://u:hunter2@h`)).not.toContain('hunter2');
});

it.each([
  ['a number', { redisPassword: 424242 }],
  ['bytes', { token: Buffer.from('424242') }],
  ['bytes without a name', { reply: Buffer.from('424242') }],
  ['a list', { passwords: ['424242'] }],
  ['an object', { authorization: { key: '424242' } }],
  ['a URL', { target: new URL('redis://u:424242@h') }],
  ['a list of texts', { targets: [['redis://u:424242@h']] }],
  ['the cause of an error', { err: new Error('no', { cause: new Error('redis://u:424242@h') }) }],
  ['a cause that is none', { err: new Error('no', { cause: { password: 424242 } }) }],
  ['one of several errors', { err: new AggregateError([new Error('redis://u:424242@h')], 'all failed') }],
  ['the command of an error', { err: Object.assign(new Error('no'), { command: { args: ['u', '424242'] } }) }],
  ['an input of an error', { err: Object.assign(new TypeError('Invalid URL'), { input: 'redis://u:4/242"42@h' }) }],
  ['an error below another name', { failure: new Error('redis://u:424242@h') }],
])('masks a secret that is %s', (_, fields) => {
  const text = JSON.stringify(logged((log) => log.error(fields, 'x')));
  expect(text).not.toMatch(/424242|242\\*"42|NDI0MjQy|52,50,52,50/);
  expect(JSON.stringify(logged((log) => log.child(fields).error('x')))).not.toMatch(/424242|242\\*"42|52,50,52,50/);
});

it('keeps what helps: type, code and causes of an error, dates and nested fields', () => {
  const cause = Object.assign(new RangeError('port'), { code: 'ERR_SOCKET_BAD_PORT' });
  const err = Object.assign(new TypeError('failed', { cause }), { code: 409, retryAfterMs: 5, details: { a: 1 } });
  const line = logged((log) => log.error({ err, at: new Date(0), queue: { name: 'q', tags: ['a'] } }, 'x'));
  expect(line).toMatchObject({
    err: {
      type: 'TypeError',
      message: 'failed',
      code: 409,
      retryAfterMs: 5,
      cause: { type: 'RangeError', code: cause.code },
    },
    at: '1970-01-01T00:00:00.000Z',
    queue: { name: 'q', tags: ['a'] },
  });
  expect((line['err'] as { stack: string }).stack).toContain('log.test.ts');
});

it('logs an error alone with its message, masked and bounded', () => {
  const line = logged((log) => log.error(new Error(`redis://u:424242@h ${'x'.repeat(100_000)}`)));
  expect(line).toMatchObject({ err: { type: 'Error' } });
  expect(line['msg']).toMatch(/^redis:\/\/\*\*\*@h x{4000,4095}…$/);
});

describe('a text that is cut', () => {
  it.each([0, 1, 7, 20])('shows no credentials that are cut %s characters before their end', (left) => {
    const credentials = 'redis://user:hunter2-hunter2-hunter2@';
    const text = `${'x '.repeat((4_096 - credentials.length + left) / 2)}${credentials}h and more`;
    expect(maskAndClip(text, 4_096)).not.toContain('hunter2');
  });

  it.each([
    ['a URL of Redis', `redis://u:${'hunter2'.repeat(2_000)}@h`],
    ['any URL', `https://u:${'hunter2'.repeat(2_000)}@h`],
    ['a field', `{"password":"${'hunter2'.repeat(2_000)}"}`],
    ['a header', `Authorization: Basic ${'hunter2'.repeat(2_000)}`],
  ])('shows nothing of %s whose credentials are longer than what is looked at', (_, text) => {
    expect(maskAndClip(text, 4_096)).not.toContain('hunter2');
  });
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
