/** A piece of a body. */
export interface Part {
  readonly data: Buffer;
  /** Whether nothing comes after it. */
  readonly last: boolean;
}

/** Cuts a body into parts of `partBytes`, of which the last is smaller. There is one at least, for an empty body as well. */
export async function* partsOf(body: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Part, void> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (let chunk of body) {
    while (chunk.length > 0) {
      if (bytes === partBytes) {
        yield { data: Buffer.concat(chunks, bytes), last: false };
        chunks = [];
        bytes = 0;
      }
      const fitting = chunk.subarray(0, partBytes - bytes);
      chunks.push(fitting);
      bytes += fitting.length;
      chunk = chunk.subarray(fitting.length);
    }
  }
  yield { data: Buffer.concat(chunks, bytes), last: true };
}
