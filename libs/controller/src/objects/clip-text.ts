/** `text` in at most `length` UTF-16 units, an ellipsis in place of what was cut off. */
export function clipText(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
