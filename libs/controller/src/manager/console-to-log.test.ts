import { expect, it } from 'vitest';
import { consoleToLog } from './console-to-log.ts';
import { createLog } from './log.ts';

function printed(level: string, print: (to: Console) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  const own = { ...console };
  consoleToLog(createLog({ name: 'app', level, write: (line) => lines.push(line) }), own);
  print(own);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const print = (to: Console): void => {
  to.warn(`INFO command fails: "NOPERM ${'x'.repeat(60_000)}"`);
  to.error('cannot reach %s', 'redis://u:hunter2@h', { a: 1 });
};

it('what libraries print is bounded, without secrets, and for debugging only', () => {
  expect(printed('info', print)).toEqual([]);
  const [first, second] = printed('debug', print);
  expect(first).toMatchObject({ level: 'debug', printedBy: 'console.warn' });
  expect(String(first?.msg).length).toBeLessThan(5_000);
  expect(second?.msg).toBe('cannot reach redis://***@h { a: 1 }');
});
