import { expect, it } from 'vitest';
import { help, parseOptions } from './options.ts';

const CONTROLLERS = ['queue-controller', 'autoscaler'] as const;

it('starts every controller unless some are named, in their own order', () => {
  expect(parseOptions([], CONTROLLERS)).toMatchObject({ controllers: CONTROLLERS, context: undefined });
  expect(parseOptions(['--only=autoscaler,queue-controller'], CONTROLLERS)).toMatchObject({ controllers: CONTROLLERS });
  expect(parseOptions(['--only', 'autoscaler'], CONTROLLERS)).toMatchObject({ controllers: ['autoscaler'] });
});

it('refuses what does not exist, naming what does', () => {
  expect(() => parseOptions(['--only=scheduler'], CONTROLLERS)).toThrow('one of queue-controller, autoscaler');
  expect(() => parseOptions(['--watch'], CONTROLLERS)).toThrow('--watch');
});

it('explains each option', () => {
  expect(parseOptions(['--help'], CONTROLLERS)).toBe('help');
  for (const option of ['--only', '--inspect', '--log-level', '--kube-context'])
    expect(help(CONTROLLERS)).toContain(option);
});
