import { expect, it } from 'vitest';
import { compileFilter, type CompiledFilter, type LetterFilter } from './filter.ts';

const LETTER = { name: 'mail', failedReason: 'connect ETIMEDOUT 10.0.0.1', data: '{"to":{"country":"de"},"n":1}' };
const matches = (filter: LetterFilter, letter: Parameters<CompiledFilter['matches']>[0] = LETTER): boolean =>
  (compileFilter(filter) as CompiledFilter).matches(letter);

it('everything that is given has to hold', () => {
  expect(matches({})).toBe(true);
  expect(matches({ names: ['sms', 'mail'] })).toBe(true);
  expect(matches({ names: ['sms'] })).toBe(false);
  expect(matches({ names: [] })).toBe(false);
  expect(matches({ failedReason: 'ETIMEDOUT' })).toBe(true);
  expect(matches({ names: ['mail'], failedReason: 'ECONNREFUSED' })).toBe(false);
  expect(matches({ data: { path: '$.to.country', equals: 'de' } })).toBe(true);
  expect(matches({ data: { path: '$.n', equals: '1' } })).toBe(true);
  expect(matches({ data: { path: '$.n', equals: '2' } })).toBe(false);
});

it('a value is compared as text; what is no value equals nothing', () => {
  const data = '{"yes":true,"no":null,"text":"null","big":1e21,"list":[1],"map":{}}';
  const equal = (path: string, equals: string): boolean =>
    matches({ data: { path, equals } }, { name: 'mail', failedReason: '', data });
  expect([equal('$.yes', 'true'), equal('$.no', 'null'), equal('$.text', 'null'), equal('$.big', '1e+21')]).toEqual(
    Array.from({ length: 4 }, () => true),
  );
  expect([
    equal('$.none', 'undefined'),
    equal('$.none', 'null'),
    equal('$.list', '1'),
    equal('$.list', '[1]'),
    equal('$.map', '{}'),
    equal('$.map', '[object Object]'),
  ]).toEqual(Array.from({ length: 6 }, () => false));
});

it('data that is too long, or no JSON, does not match a filter on data', () => {
  const data = { path: '$', equals: 'x' };
  expect(matches({ data }, { name: 'mail', failedReason: '' })).toBe(false);
  expect(matches({ data }, { ...LETTER, data: '{' })).toBe(false);
  expect(matches({ data }, { ...LETTER, data: '"x"' })).toBe(true);
});

it('the time range and whether data is read are for who reads', () => {
  expect(compileFilter({ fromMs: 5, toMs: 9 })).toMatchObject({ fromMs: 5, toMs: 9, readsData: false });
  expect(compileFilter({ data: { path: '$.a', equals: '1' } })).toMatchObject({
    fromMs: 0,
    toMs: Infinity,
    readsData: true,
  });
});

it('says what is wrong with it', () => {
  expect(compileFilter({ fromMs: 9, toMs: 5 })).toEqual({ problem: 'the time range ends before it begins' });
  expect(compileFilter({ data: { path: '$..a', equals: '1' } })).toHaveProperty('problem');
});
