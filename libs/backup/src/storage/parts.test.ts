import { expect, it } from 'vitest';
import { collect } from './bodies.fixture.ts';
import { partsOf } from './parts.ts';

async function* body(...sizes: number[]): AsyncGenerator<Uint8Array> {
  let next = 0;
  for (const size of sizes) yield Uint8Array.from({ length: size }, () => next++ % 251);
}

it.each([
  [[], [0]],
  [[0], [0]],
  [[1], [1]],
  [[10], [10]],
  [[4, 6], [10]],
  [[10, 0], [10]],
  [[11], [10, 1]],
  [
    [7, 7, 7],
    [10, 10, 1],
  ],
  [[35], [10, 10, 10, 5]],
  [[20], [10, 10]],
])('cuts chunks of %j bytes into parts of %j', async (chunks, parts) => {
  const cut = await collect(partsOf(body(...chunks), 10));
  expect(cut.map(({ data }) => data.length)).toEqual(parts);
  expect(cut.map(({ last }) => last)).toEqual(parts.map((_, index) => index === parts.length - 1));
  expect(Buffer.concat(cut.map(({ data }) => data))).toEqual(Buffer.concat(await collect(body(...chunks))));
});
