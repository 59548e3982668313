import { UnexpectedReplyError } from './reply.ts';

/**
 * The largest reply that is read, bytes. Our scripts send some 10 kB, and below 3 MB whatever tenants write; INFO and
 * CLUSTER SLOTS send some 100 kB.
 */
export const MAX_REPLY_BYTES = 4 * 1024 * 1024;
/** The longest line: of a number, a status or an error. The parser of ioredis copies an unfinished line with every chunk. */
const MAX_LINE_BYTES = 64 * 1024;
/** The most arrays within each other; the parser of ioredis recurses. Our scripts nest 5. */
const MAX_DEPTH = 32;
/** What each element of an array costs before it has come. */
const BYTES_PER_ELEMENT = 8;
/**
 * The most elements of all arrays of a reply together: ioredis makes some 100 bytes of memory of a text of none. Our
 * scripts send 110,000 at most, whatever tenants write.
 */
export const MAX_ELEMENTS = 150_000;
/** What is counted for an error, which gets a stack; our scripts send errors as texts. */
const BYTES_PER_ERROR = 1_024;

const CR = 13;
const [STATUS, ERROR, INTEGER, BULK, ARRAY] = Array.from('+-:$*', (type) => type.codePointAt(0)!) as [
  number,
  number,
  number,
  number,
  number,
];

/**
 * Measures the replies in a stream of RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/) as their
 * bytes come, before they are parsed, and counts what is announced as if it had come: the parser takes memory for an
 * array of a billion elements when it reads its length. What takes few bytes and much memory counts as what it takes.
 * The content of texts is skipped, not read. No I/O.
 */
export class ReplyMeter {
  /** Bytes of the line that has begun; 0 at the start of a reply or an element. */
  #lineBytes = 0;
  #type = 0;
  /** The number in the line; NaN when it is none. */
  #length = 0;
  #negative = false;
  /** Bytes to skip: of the end of a line, and of a text with its end. */
  #skip = 0;
  /** The element is complete when these are skipped. */
  #completes = false;
  /** Elements still to come, of each array that has begun, the outermost first. */
  readonly #open: number[] = [];
  /** What the reply has taken so far, and has announced. */
  #replyBytes = 0;
  /** Elements that the reply has announced. */
  #elements = 0;
  /** Larger replies that somebody waits for now. */
  readonly #allowances = new Set<{ readonly bytes: number }>();

  /**
   * Lets a reply be as large as that, until what is returned is called: for who knows that a large one comes, and has
   * room for it.
   */
  allow(bytes: number): () => void {
    const allowance = { bytes };
    this.#allowances.add(allowance);
    return () => void this.#allowances.delete(allowance);
  }

  /** @throws UnexpectedReplyError when `chunk` makes the reply too large, or is no RESP2. */
  take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        at += skipped;
        this.#skip -= skipped;
        if (this.#skip === 0 && this.#completes) this.#completeElement();
      } else this.#takeByte(chunk[at++]!);
    }
  }

  #takeByte(byte: number): void {
    if (this.#lineBytes++ === 0) this.#startLine(byte);
    else if (byte === CR) this.#endLine();
    else if (this.#type === BULK || this.#type === ARRAY) this.#takeDigit(byte);
    else if (this.#lineBytes > MAX_LINE_BYTES) throw new UnexpectedReplyError(`a line of over ${MAX_LINE_BYTES} bytes`);
  }

  #startLine(type: number): void {
    if (type !== STATUS && type !== ERROR && type !== INTEGER && type !== BULK && type !== ARRAY)
      throw new UnexpectedReplyError('it is not in the protocol of Redis');
    this.#type = type;
    this.#length = 0;
    this.#negative = false;
  }

  #takeDigit(byte: number): void {
    if (byte === 45 && this.#lineBytes === 2) this.#negative = true;
    else if (byte < 48 || byte > 57 || this.#lineBytes > 20) throw new UnexpectedReplyError('a length is no number');
    else this.#length = this.#length * 10 + byte - 48;
  }

  #endLine(): void {
    const length = this.#negative ? 0 : this.#length;
    // The line feed is yet to come.
    this.#skip = 1;
    this.#completes = true;
    this.#take(this.#lineBytes);
    if (this.#type === ERROR) this.#take(BYTES_PER_ERROR);
    if (this.#type === BULK && !this.#negative) {
      this.#take(length);
      this.#skip += length + 2;
    }
    if (this.#type === ARRAY && length > 0) {
      this.#take(length * BYTES_PER_ELEMENT);
      this.#elements += length;
      if (this.#elements > MAX_ELEMENTS) throw new UnexpectedReplyError(`it is larger than ${MAX_ELEMENTS} elements`);
      if (this.#open.push(length) > MAX_DEPTH) throw new UnexpectedReplyError(`arrays nested over ${MAX_DEPTH} deep`);
      this.#completes = false;
    }
    this.#lineBytes = 0;
  }

  #take(bytes: number): void {
    this.#replyBytes += bytes;
    if (this.#replyBytes > MAX_REPLY_BYTES && this.#replyBytes > this.#mostAllowed())
      throw new UnexpectedReplyError(`it is larger than ${MAX_REPLY_BYTES / 1_048_576} MiB`);
  }

  #mostAllowed(): number {
    return Math.max(0, ...Array.from(this.#allowances, ({ bytes }) => bytes));
  }

  #completeElement(): void {
    while (this.#open.length > 0) {
      const left = this.#open.pop()! - 1;
      if (left > 0) return void this.#open.push(left);
    }
    this.#replyBytes = 0;
    this.#elements = 0;
  }
}
