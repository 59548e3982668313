import { describe, expect, it } from 'vitest';
import { logPrinter } from './log-line.ts';

const plain = () => logPrinter({ colour: false });
const TIME = '2026-01-02T10:20:30.456Z';
const json = (fields: object): string => JSON.stringify({ level: 'info', time: TIME, name: 'autoscaler', ...fields });

describe('a line of the log', () => {
  it('shows name, level, time of day, message and fields', () => {
    const line = json({ msg: 'pool sized', pool: 'shop/mails', replicas: 3, why: 'jobs wait' });
    expect(plain().format('autoscaler', line)).toEqual([
      'autoscaler            INFO  10:20:30.456 pool sized pool=shop/mails replicas=3 why="jobs wait"',
    ]);
  });

  it('shows the stack of an error on lines of their own, each with the name in front', () => {
    const err = { type: 'TypeError', message: 'no', stack: 'TypeError: no\n    at plan (plan.ts:1:1)' };
    expect(plain().format('queue-controller', json({ level: 'error', msg: 'failed', err }))).toEqual([
      'queue-controller      ERROR 10:20:30.456 failed',
      'queue-controller          TypeError: no',
      'queue-controller              at plan (plan.ts:1:1)',
    ]);
  });

  it('passes on what is no log line: a crash of Node, JSON of something else', () => {
    expect(plain().format('a', 'SyntaxError: x')).toEqual(['a                     SyntaxError: x']);
    expect(plain().format('a', '{"half')).toEqual(['a                     {"half']);
    expect(plain().format('a', '{"jobs":1}')).toEqual(['a                     {"jobs":1}']);
  });

  it('removes control characters that a terminal would obey', () => {
    expect(plain().format('a', 'x\u001b[2Jy')).toEqual(['a                     x·[2Jy']);
    expect(plain().format('a', json({ msg: 'x\u001b]0;y' }))[0]).not.toContain('\u001b');
  });
});

it('gives each source a colour that it keeps', () => {
  const printer = logPrinter({ colour: true });
  const colourOf = (source: string): string => printer.format(source, 'x')[0]!.slice(0, 5);
  const [one, two] = [colourOf('one'), colourOf('two')];
  expect(one.startsWith('\u001b[')).toBe(true);
  expect(two).not.toBe(one);
  expect(colourOf('one')).toBe(one);
});
