import { expect, it } from 'vitest';
import { UsageError, commonFlags, concurrencyFlag, durationFlag, parseFlags, readCommonFlags, usage } from './flags.ts';

const flags = {
  ...commonFlags('app', { POD_NAMESPACE: 'system' }),
  'secret-names': { default: 'redis', help: 'Permitted names.' },
};
const read = (...argv: string[]) => {
  const values = parseFlags(flags, argv);
  if (values === 'help') throw new Error('--help was not asked for');
  return readCommonFlags(values);
};

it('has sensible defaults, and the pod names the namespace of the lease', () => {
  expect(read()).toEqual({
    namespaces: undefined,
    kubeconfigPath: undefined,
    httpPort: 8080,
    leaderElect: true,
    leaseNamespace: 'system',
    leaseName: 'app',
    logLevel: 'info',
  });
});

it('takes values after a space or an equals sign', () => {
  expect(read('--http-port=9', '--leader-elect', 'false', '--namespace-scope', 'team, other,team')).toMatchObject({
    httpPort: 9,
    leaderElect: false,
    namespaces: ['team', 'other'],
  });
  expect(parseFlags(flags, ['--secret-names', 'a,b'])).toMatchObject({ 'secret-names': 'a,b' });
});

it.each([
  ['--http-port=x'],
  ['--http-port=70000'],
  ['--leader-elect=maybe'],
  ['--log-level=loud'],
  ['--unknown'],
  ['--namespace-scope=a/b'],
  ['--lease-name=A B'],
])('refuses %s and says why', (argument) => {
  expect(() => read(argument)).toThrow(UsageError);
  expect(() => read(argument)).toThrow(argument.split('=')[0]);
});

it('lists every flag with its default in the help', () => {
  const text = usage('app', 'does things.', flags);
  expect(parseFlags(flags, ['--help'])).toBe('help');
  for (const name of Object.keys(flags)) expect(text).toContain(`--${name} `);
  expect(text).toContain('(default redis)');
});

it.each(['x', '0', '-1', '1.5', '1e3', '1001', ''])(
  'refuses the concurrency %j: no reconcile would run, or too many',
  (text) => {
    const own = { concurrency: concurrencyFlag('queues') };
    expect(() => parseFlags(own, [`--concurrency=${text}`])).toThrow(
      /^--concurrency .*: must be a number from 1 to 1000/,
    );
  },
);

it('gives numbers as numbers', () => {
  expect(parseFlags({ concurrency: concurrencyFlag('queues') }, ['--concurrency=3'])).toEqual({ concurrency: 3 });
});

const start = { start: durationFlag({ default: '10s', help: 'How long.' }, { min: '1s', max: '1h' }) };

it.each([
  ['1500ms', 1_500],
  ['90s', 90_000],
  ['1h', 3_600_000],
])('reads the duration %s in ms', (text, ms) => {
  expect(parseFlags(start, [`--start=${text}`])).toEqual({ start: ms });
});

it.each(['10', '10 s', '-1s', '1d', 'soon', '', '999ms', '61m', `${'9'.repeat(30)}h`])(
  'refuses %j, which is no duration or out of bounds, and says what to write',
  (text) => {
    expect(() => parseFlags(start, [`--start=${text}`])).toThrow(UsageError);
    expect(() => parseFlags(start, [`--start=${text}`])).toThrow(
      /^--start .*: must be a duration from 1s to 1h, such as 500ms, 10s or 5m\./,
    );
  },
);
