const [QUOTE, BACKSLASH, COMMA, COLON, BRACKET, BRACE] = ['"', '\\', ',', ':', '[', '{'].map((character) =>
  character.charCodeAt(0),
);

/**
 * How many values a text of JSON has at most, by what stands before each: whoever parses it holds some fifty bytes for
 * each, however few it has in the text. What stands in strings does not count.
 */
export function countValues(text: Uint8Array, from = 0, end = text.length): number {
  let values = 1;
  let inString = false;
  for (let at = from; at < end; at += 1) {
    const byte = text[at];
    if (byte === QUOTE) inString = !inString;
    else if (byte === BACKSLASH) at += 1;
    else if (!inString && (byte === COMMA || byte === COLON || byte === BRACKET || byte === BRACE)) values += 1;
  }
  return values;
}
