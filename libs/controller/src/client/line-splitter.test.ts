import { expect, it } from 'vitest';
import { LineSplitter } from './line-splitter.ts';

it('gives the same lines wherever the stream is cut, also inside a character', () => {
  const lines = ['{"a":1}', '{"text":"Größe ✓ 漢字"}', '{"b":2}'];
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new LineSplitter();
    const seen: string[] = [];
    for (let at = 0; at < bytes.length; at += size) seen.push(...splitter.push(bytes.subarray(at, at + size)));
    expect(seen).toEqual(lines);
  }
});

it('keeps an unfinished line for later, and leaves empty ones out', () => {
  const splitter = new LineSplitter();
  expect(splitter.push(Buffer.from('\n\nab'))).toEqual([]);
  expect(splitter.push(Buffer.from('c\n'))).toEqual(['abc']);
});
