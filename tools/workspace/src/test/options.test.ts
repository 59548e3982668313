import { expect, it } from 'vitest';
import { HELP, readOptions } from './options.ts';

it('runs everything, or the steps that --only names', () => {
  expect(readOptions([])).toEqual({ mode: 'all' });
  expect(readOptions(['--only=unit', '--only', 'lint'])).toEqual({ mode: 'all', only: ['unit', 'lint'] });
});

it('takes --changed with another base and with --only', () => {
  expect(readOptions(['--changed'])).toEqual({ mode: 'changed' });
  expect(readOptions(['--changed', '--base=origin/main', '--only=e2e'])).toEqual({
    mode: 'changed',
    base: 'origin/main',
    only: ['e2e'],
  });
});

it('takes a part of a name, with the project', () => {
  expect(readOptions(['--name', 'a burst', '--project', 'scaling'])).toEqual({
    mode: 'named',
    name: 'a burst',
    project: 'scaling',
  });
});

it.each([
  [['--base=main'], /--base goes with --changed/],
  [['--project=api'], /--project goes with --name/],
  [['--name=a', '--changed'], /do not go together/],
  [['--name= '], /needs a part of a name/],
  [['--chnaged'], /--chnaged/],
])('refuses %j and says why', (args, message) => expect(() => readOptions(args)).toThrow(message));

it('explains every option', () => {
  for (const option of ['only', 'changed', 'base', 'name', 'project', 'help'])
    expect(HELP).toContain(`\n  --${option} `);
  expect(HELP.split('\n').filter((line) => line.length > 100)).toEqual([]);
});
