/** The body of an object. It can be read again, should the storage have to try again. */
export function bodyOf(...chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* chunks;
    },
  };
}
