import { createHash } from 'node:crypto';

export const MIB = 1_048_576;

/** So many bytes, the same each time, of which no two chunks are alike. */
export async function* bodyOf(bytes: number, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += chunkBytes) {
    await Promise.resolve();
    yield Buffer.alloc(Math.min(chunkBytes, bytes - at), createHash('sha256').update(String(at)).digest());
  }
}

/** All that a source gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}

/** All bytes of a body. */
export async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await collect(body));
}

/** What a call fails with; undefined when it does not. */
export function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}
