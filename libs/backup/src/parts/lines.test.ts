import { describe, expect, it } from 'vitest';
import { LineBuffer } from './line-buffer.ts';
import { countLines, recordsOf } from './lines.ts';

const lineWith = (array: string): Buffer => Buffer.from(`{"kind":"job","data":${array}}\n`);

describe('lines in a buffer', () => {
  it('are added as long as they fit in whole', () => {
    const buffer = new LineBuffer(Buffer.alloc(10));
    expect(['abcd', 'efghi', 'efgh', ''].map((line) => buffer.append(line))).toEqual([true, false, true, false]);
    expect(buffer.bytes.toString()).toBe('abcd\nefgh\n');
    expect(buffer.lines).toBe(2);
  });

  it('are measured in bytes, not in characters', () => {
    const buffer = new LineBuffer(Buffer.alloc(10));
    expect(['üüüüü', '€€€'].map((line) => buffer.append(line))).toEqual([false, true]);
    expect(buffer.bytes.toString()).toBe('€€€\n');
  });

  it('are counted only when the last one ends', () => {
    expect(['', 'a\n', 'a\n\nb\n', 'a\nb'].map((text) => countLines(Buffer.from(text)))).toEqual([0, 1, 3, undefined]);
  });
});

describe('records of lines', () => {
  it('come in batches that are bounded in number and in bytes', () => {
    const small = Array.from({ length: 1_200 }, (_, id) => ({ kind: 'job', id: String(id) }));
    const large = Array.from({ length: 4 }, () => ({ kind: 'job', data: 'x'.repeat(200_000) }));
    const text = [...small, ...large].map((record) => `${JSON.stringify(record)}\n`).join('');
    const batches = [...recordsOf(Buffer.from(text))];
    expect(batches.flat()).toEqual([...small, ...large]);
    expect(batches.map((batch) => batch.length)).toEqual([500, 500, 202, 2]);
  });

  it('come from the last to the first as well', () => {
    const records = Array.from({ length: 1_200 }, (_, id) => ({ kind: 'job', id: String(id) }));
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    const batches = [...recordsOf(Buffer.from(text), { lastFirst: true })];
    expect(batches.flat()).toEqual(records.toReversed());
    expect(batches.map((batch) => batch.length)).toEqual([500, 500, 200]);
    expect([...recordsOf(Buffer.from(''), { lastFirst: true })]).toEqual([]);
    expect(() => [...recordsOf(Buffer.from('\n{"kind":"job"}\n'), { lastFirst: true })]).toThrow('JSON');
  });

  it('are those of jobs that are wanted, however their lines are written', () => {
    const lines = [
      '{"kind":"job","id":"a","n":1}',
      '{"kind":"job","id":"b","n":2}',
      '{"id":"a","kind":"job","n":3}',
      '{"kind":"job","id":"\\u0061","n":4}',
      '{"kind":"job","id":"日本"}',
      '{"kind":"job","id":""}',
      '{"kind":"index","id":"b"}',
    ];
    const asked: string[] = [];
    const takesJob = (id: string): boolean => asked.push(id) > 0 && id !== 'b';
    const [batch] = [...recordsOf(Buffer.from(`${lines.join('\n')}\n`), { takesJob })];
    expect(batch).toEqual(lines.filter((_, at) => at !== 1).map((line) => JSON.parse(line) as unknown));
    expect(asked).toEqual(['a', 'b', 'a', 'a', '日本', '']);
    const many = Buffer.from('{"kind":"job","id":"b"}\n'.repeat(1_200));
    expect([...recordsOf(many, { takesJob })]).toEqual([[], [], []]);
  });

  it.each([
    '{"kind":"job","id":"a","id":"b"}',
    '{"kind":"job","id":"a","kind":"index"}',
    '{"kind":"job","n":1}',
    '{"kind":"job","id":1}',
    '{"kind":"job","id":"a',
  ])('are refused when one of a wanted job is %j', (line) => {
    expect(() => [...recordsOf(Buffer.from(`${line}\n`), { takesJob: () => true })]).toThrow(/twice|no id|JSON/);
  });

  it.each(['{"kind":1}', '{}', 'null', '[]', 'x', ''])('are refused when one is %j', (line) => {
    expect(() => [...recordsOf(Buffer.from(`${line}\n`))]).toThrow(/kind|JSON/);
  });

  // Wall 1: 20 MiB of such brackets, which are a kB as they are stored, take a GiB once they are parsed.
  it('are refused before they are parsed when one has more values than a writer gives it', () => {
    expect(() => [...recordsOf(lineWith(`[${'[],'.repeat(500_000)}[]]`))]).toThrow('more than 800000 values');
    const text = JSON.stringify('[{"a":1}],\\'.repeat(200_000));
    expect([...recordsOf(lineWith(text))]).toHaveLength(1);
  });

  it('may have fields that are names of JavaScript', () => {
    const [batch] = [...recordsOf(Buffer.from('{"kind":"job","hash":{"__proto__":"x","constructor":"y"}}\n'))];
    expect(JSON.stringify(batch)).toBe('[{"kind":"job","hash":{"__proto__":"x","constructor":"y"}}]');
  });
});
