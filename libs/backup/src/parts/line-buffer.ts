const NEWLINE = 0x0a;
/** A unit of a JavaScript string is at most three bytes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

/** Lines in one buffer of a fixed size, written there once. */
export class LineBuffer {
  readonly #buffer: Buffer;
  #bytes = 0;
  #lines = 0;

  /** @param buffer is overwritten. */
  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get lines(): number {
    return this.#lines;
  }

  /** The lines so far; a view, which holds until the buffer is used again. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#bytes);
  }

  /** Adds a line, if it fits in whole. */
  append(line: string): boolean {
    const room = this.#buffer.length - this.#bytes - 1;
    const fits = line.length * MAX_BYTES_PER_UNIT <= room || Buffer.byteLength(line) <= room;
    if (!fits) return false;
    this.#bytes += this.#buffer.write(line, this.#bytes);
    this.#buffer[this.#bytes] = NEWLINE;
    this.#bytes += 1;
    this.#lines += 1;
    return true;
  }
}
