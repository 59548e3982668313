import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { loopTurns } from '../time/loop-turns.ts';
import { Credentials } from './credentials.ts';
import { Transport } from './transport.ts';

/** As many as the queue-controller has. */
const WORKERS = 128;
const PIECE_MS = 1;
const ITEM = JSON.stringify({ metadata: { name: 'a', annotations: { a: 'x'.repeat(40 * 1024) } } });

it('a list does not wait for a round of all workers with each chunk', { timeout: 60_000 }, async () => {
  const body = `{"items":[${Array.from({ length: 100 }, () => ITEM).join()}]}`;
  const server = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const access = { server: `http://127.0.0.1:${port}`, headers: {}, tls: {} };
  const transport = new Transport({ credentials: new Credentials(async () => access), userAgent: 'test' });
  const stop = new AbortController();
  let pieces = 0;
  const workers = Array.from({ length: WORKERS }, async () => {
    for (; !stop.signal.aborted; pieces++) {
      await loopTurns.next();
      const endMs = performance.now() + PIECE_MS;
      while (performance.now() < endMs);
      await setImmediate();
    }
  });
  let items = 0;
  await transport.request({ verb: 'list', method: 'GET', path: '/', each: () => void items++ });
  const meanwhile = pieces;
  stop.abort();
  await Promise.all(workers);
  await transport.close();
  server.close();
  expect(items).toBe(100);
  expect(meanwhile).toBeLessThan(1_000);
});
