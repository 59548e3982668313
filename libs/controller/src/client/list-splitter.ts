const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [BRACE, END_BRACE, BRACKET, END_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
/** `{`, `"items": [`, and an item's own `{`. */
const ITEM_DEPTH = 3;

/**
 * Cuts the JSON of a Kubernetes list into its items while it arrives, so that one item at a time is in memory. Tenants
 * decide how large objects are, up to 1.5 MB each; a page of a hundred parsed as one would be more than a controller has.
 */
export class ListSplitter {
  readonly #envelope: Buffer[] = [];
  #item: Buffer[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inItems = false;
  /** The string at depth 1 that was read last: the key, when its value begins. */
  #key: number[] = [];

  /** @returns the items that `chunk` completed, as JSON */
  push(chunk: Buffer): string[] {
    const items: string[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#inString) {
        this.#readString(byte);
        continue;
      }
      if (byte === QUOTE) {
        this.#inString = true;
        if (this.#depth === 1) this.#key = [];
      } else if (byte === BRACE || byte === BRACKET) {
        this.#depth++;
        if (byte === BRACKET && this.#depth === ITEM_DEPTH - 1) this.#inItems = isItems(this.#key);
        if (this.#inItems && this.#depth === ITEM_DEPTH) {
          this.#envelope.push(chunk.subarray(start, at));
          start = at;
        }
      } else if (byte === END_BRACE || byte === END_BRACKET) {
        this.#depth--;
        if (this.#inItems && this.#depth === ITEM_DEPTH - 1) {
          items.push(Buffer.concat([...this.#item, chunk.subarray(start, at + 1)]).toString('utf8'));
          this.#item = [];
          start = at + 1;
        }
        if (this.#depth < ITEM_DEPTH - 1) this.#inItems = false;
      } else if (this.#inItems && this.#depth === ITEM_DEPTH - 1) {
        // The commas between items belong to nothing.
        this.#envelope.push(chunk.subarray(start, at));
        start = at + 1;
      }
    }
    const pieces = this.#inItems && this.#depth >= ITEM_DEPTH ? this.#item : this.#envelope;
    if (start < chunk.length) pieces.push(chunk.subarray(start));
    return items;
  }

  /** @returns the list without its items, as JSON */
  end(): string {
    return Buffer.concat(this.#envelope).toString('utf8');
  }

  #readString(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
    if (this.#inString && this.#depth === 1) this.#key.push(byte);
  }
}

const ITEMS = [...Buffer.from('items')];

function isItems(key: readonly number[]): boolean {
  return key.length === ITEMS.length && ITEMS.every((byte, index) => byte === key[index]);
}
