import { expect, test } from 'vitest';
import { jsonBody } from './json-body.ts';

test('a body is JSON, and what YAML does not take is escaped', () => {
  const body = { text: 'a\u0000\u007F\u0085\u009F\u2028\uFEFF\uFFFEé€😀\\u007f"' };
  const json = jsonBody(body);
  expect(JSON.parse(json)).toEqual(body);
  expect(json).toBe(String.raw`{"text":"a\u0000\u007f\u0085\u009f\u2028\ufeff\ufffeé€😀\\u007f\""}`);
});
