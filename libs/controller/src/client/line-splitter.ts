const NEWLINE = 0x0a;

/** Cuts a byte stream into lines. A line that comes in many chunks is joined once, not once per chunk. */
export class LineSplitter {
  #pieces: Buffer[] = [];

  /** @returns the lines that `chunk` completed; empty ones are left out */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#pieces.push(chunk.subarray(start));
    return lines;
  }

  #complete(last: Buffer): string {
    if (this.#pieces.length === 0) return last.toString('utf8');
    // Joined as bytes: a chunk may end inside a character.
    const line = Buffer.concat([...this.#pieces, last]).toString('utf8');
    this.#pieces = [];
    return line;
  }
}
