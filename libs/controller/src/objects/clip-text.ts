/** `text` in at most `length` UTF-16 units, an ellipsis in place of what was cut off; no character is cut in two. */
export function clipText(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
}
