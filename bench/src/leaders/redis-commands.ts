/** Reads the names of commands out of what a client sends to Redis (RESP arrays of bulk strings), in whatever pieces. */
export class RedisCommands {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns the commands that this piece completes, in lower case */
  push(piece: Buffer): string[] {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const names: string[] = [];
    for (let read = readCommand(this.#rest); read; read = readCommand(this.#rest)) {
      names.push(read.name);
      this.#rest = this.#rest.subarray(read.end);
    }
    return names;
  }
}

function readCommand(bytes: Buffer): { readonly name: string; readonly end: number } | undefined {
  let at = 0;
  const line = (): number | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const value = Number(bytes.subarray(at + 1, end).toString());
    at = end + 2;
    return value;
  };
  const count = line();
  if (count === undefined) return undefined;
  let name = '';
  for (let index = 0; index < count; index++) {
    const length = line();
    if (length === undefined || at + length + 2 > bytes.length) return undefined;
    if (index === 0)
      name = bytes
        .subarray(at, at + length)
        .toString()
        .toLowerCase();
    at += length + 2;
  }
  return { name, end: at };
}

/** What a controller sends that may change something: scripts that are not said to read only. */
export function mayWrite(command: string): boolean {
  return !READS.has(command);
}

const READS: ReadonlySet<string> = new Set(
  'evalsha_ro eval_ro hgetall hget hmget get exists type info ping time hello auth select client readonly script quit'.split(
    ' ',
  ),
);
