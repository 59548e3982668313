import { describe, expect, it } from 'vitest';
import { compileJsonPath, valueAt, type JsonPath } from './json-path.ts';

const VALUE = { user: { id: 7, tags: ['a', 'b'], 'e-mail': 'x@y.z', "it's": null, 'a.b': true }, größe: 3 };
const find = (path: string): unknown => valueAt(VALUE, compileJsonPath(path) as JsonPath);

it('leads to one place', () => {
  expect(find('$')).toBe(VALUE);
  expect(find('$.user.id')).toBe(7);
  expect(find('$.user.tags[1]')).toBe('b');
  expect(find('$.user.tags[-1]')).toBe('b');
  expect(find(`$['user']["e-mail"]`)).toBe('x@y.z');
  expect(find('$.user.e-mail')).toBe('x@y.z');
  expect(find(String.raw`$.user['it\'s']`)).toBe(null);
  expect(find(`$.user['a.b']`)).toBe(true);
  expect(find('$.größe')).toBe(3);
});

it('leads nowhere without an error', () => {
  for (const path of ['$.none', '$.user.tags[9]', '$.user.id.deeper', '$.user[0]', '$.user.tags.length', '$.toString'])
    expect(find(path)).toBeUndefined();
  expect(valueAt('text', [0])).toBeUndefined();
});

describe('what has no bound or is none is refused', () => {
  it.each([
    ['$..id', /goes wrong at \.\.id/],
    ['$.user.*', /goes wrong at \.\*/],
    ['$.tags[*]', /goes wrong at \[\*\]/],
    ['$.tags[0:2]', /goes wrong at \[0:2\]/],
    ['$.tags[0,1]', /goes wrong/],
    ['$.tags[?(@.id == 1)]', /goes wrong/],
    ['$.tags[01]', /goes wrong/],
    ["$['open", /goes wrong/],
    ['user.id', /begin with \$/],
    [`$${'.a'.repeat(17)}`, /more than 16 steps/],
    [`$.${'a'.repeat(300)}`, /at most 256 characters/],
  ])('%s', (path, problem) => {
    expect(compileJsonPath(path)).toEqual({ problem: expect.stringMatching(problem) });
  });

  it('in no time, whatever it is', () => {
    expect(compileJsonPath(`$['${'\\'.repeat(250)}`)).toHaveProperty('problem');
    expect(compileJsonPath(`$[${"'".repeat(250)}`)).toHaveProperty('problem');
  });
});
