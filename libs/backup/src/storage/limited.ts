import { Transform, type Readable } from 'node:stream';

/**
 * The body of an answer, but no more than `mostBytes` of it: AWS' SDK reads an answer that it has to parse into memory,
 * however long it is, and anybody may have named the server.
 */
export function limited(body: Readable, mostBytes: number, tooLong: () => Error): Readable {
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      if (bytes <= mostBytes) done(null, chunk);
      else done(tooLong());
    },
  });
  return body.compose(limit) as Readable;
}
