/**
 * Texts in one sequence of bytes that no other texts give: each in UTF-8, after its length in bytes as a big-endian
 * number of 32 bits. What is encrypted is bound to it as associated data.
 */
export function bindingOf(...texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
