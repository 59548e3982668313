import { randomBytes } from 'node:crypto';
import type { JsonRecord } from '../parts/lines.ts';

const NOISE = randomBytes(1024 ** 2).toString('base64');

/** Jobs of about 500 bytes each, by the number of their ids; those of another version have other data. */
export function jobsFrom(from: number, to: number, version = 0): JsonRecord[] {
  return Array.from({ length: to - from }, (_, index) => {
    const id = String(from + index);
    const at = ((from + index) * 89) % (NOISE.length - 88);
    const token = NOISE.slice(at, at + 88);
    const data = JSON.stringify({
      to: `${id}@example.com`,
      token,
      version,
      text: 'Your order is on its way. '.repeat(6),
    });
    const hash = {
      name: 'send',
      data,
      opts: '{"attempts":3,"delay":0}',
      timestamp: '1764410400000',
      delay: '0',
      priority: '0',
    };
    return { kind: 'job', id, hash };
  });
}
