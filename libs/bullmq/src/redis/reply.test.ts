import { expect, it } from 'vitest';
import { parseReply, timeOf, UnexpectedReplyError } from './reply.ts';

it.each(['soon', '9e20', -1, undefined])('%j is no time of a server', (text) => {
  expect(() => timeOf(text)).toThrow(UnexpectedReplyError);
});

it('a time is taken as it is', () => expect(timeOf('1700000000000')).toBe(1_700_000_000_000));

it.each([{ waiting: 'x' }, { waiting: undefined }, { waiting: null }, { waiting: Number.NaN }])(
  '%j is not taken for numbers',
  (reply) => {
    expect(parseReply(() => reply)).toEqual(new UnexpectedReplyError('waiting is not a number'));
  },
);

it('what cannot be read at all is an error of the reply, not of the program', () => {
  const rows: number[][] = [];
  expect(parseReply(() => ({ waiting: rows[3]!.length }))).toEqual(new UnexpectedReplyError('it has another shape'));
});

it('numbers, marks and lists are left as they are', () => {
  const sample = { waiting: 3, paused: false, limits: { max: 1 }, waits: [1, 2] };
  expect(parseReply(() => sample)).toBe(sample);
});
