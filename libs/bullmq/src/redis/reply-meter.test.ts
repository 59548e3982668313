import { describe, expect, it } from 'vitest';
import { MAX_REPLY_BYTES, ReplyMeter } from './reply-meter.ts';

// Wall 1, a tenant is hostile: a Secret may name a server that is none, and what it sends must not set our memory.

/** Has a meter take the text in pieces of some bytes. */
function take(text: string, bytes = Infinity): void {
  const meter = new ReplyMeter();
  const stream = Buffer.from(text);
  for (let at = 0; at < stream.length; at += bytes) meter.take(stream.subarray(at, at + bytes));
}

const BULK = `$${MAX_REPLY_BYTES / 2}\r\n${'x'.repeat(MAX_REPLY_BYTES / 2)}\r\n`;

describe('passes', () => {
  it.each([
    ['what Redis sends', '+OK\r\n-ERR no\r\n:-5\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n$3\r\na\rb\r\n'],
    ['arrays within arrays', '*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n$1\r\na\r\n+OK\r\n'],
    ['many replies that are large together', BULK.repeat(3)],
  ])('%s, in one piece and byte by byte', (_, text) => {
    expect(() => take(text)).not.toThrow();
    expect(() => take(text, 1)).not.toThrow();
  });

  it('as many texts as our scripts send at most', () => {
    expect(() => take(`*110000\r\n${'$16\r\n0123456789abcdef\r\n'.repeat(110_000)}`)).not.toThrow();
  });

  it('many errors one after the other', () => {
    expect(() => take('*2\r\n-no\r\n:1\r\n'.repeat(10_000))).not.toThrow();
  });

  it('many arrays one after the other', () => {
    expect(() => take('*3\r\n:1\r\n*1\r\n:2\r\n$1\r\nx\r\n'.repeat(100_000))).not.toThrow();
  });
});

it('passes a larger reply only as long as it is allowed', () => {
  const meter = new ReplyMeter();
  const stream = Buffer.from(`*3\r\n${BULK.repeat(3)}`);
  const [end, other] = [meter.allow(2 * MAX_REPLY_BYTES), meter.allow(1)];
  meter.take(stream);
  expect(() => meter.take(Buffer.from('$9000000\r\n'))).toThrow('larger than');
  end();
  expect(() => meter.take(stream)).toThrow('larger than');
  other();
});

describe('refuses', () => {
  it.each([
    ['a text when its length is announced', '$500000000\r\n', 'larger than 4 MiB'],
    ['an array when its length is announced', '*9999999999\r\n', 'larger than 4 MiB'],
    ['arrays that are large together', '*100000\r\n'.repeat(10), 'larger than 150000 elements'],
    ['errors of an array', `*5000\r\n${'-\r\n'.repeat(5_000)}`, 'larger than 4 MiB'],
    ['texts of none', `*400000\r\n${'$0\r\n\r\n'.repeat(400_000)}`, 'larger than 150000 elements'],
    ['arrays of none within arrays', `*100000\r\n${'*1\r\n*0\r\n'.repeat(100_000)}`, 'larger than 150000 elements'],
    ['texts of an array that are large together', `*3\r\n${BULK}${BULK}`, 'larger than 4 MiB'],
    [
      'numbers of an array that are large together',
      `*140000\r\n${`:${'1'.repeat(30)}\r\n`.repeat(140_000)}`,
      'larger than 4 MiB',
    ],
    ['arrays nested deep', '*1\r\n'.repeat(10_000), 'nested over 32 deep'],
    ['a line without end', `+${'x'.repeat(70_000)}`, 'a line of over 65536 bytes'],
    ['a number without end', `$${'1'.repeat(70_000)}`, 'no number'],
    ['a length that is none', '*abc\r\n', 'no number'],
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n', 'not in the protocol of Redis'],
  ])('%s', (_, text, message) => {
    expect(() => take(text)).toThrow(message);
    expect(() => take(text, 1_000)).toThrow(message);
  });
});
