/**
 * One place in a JSON value: names of members, and indexes of arrays from 0, or from the end where negative.
 */
export type JsonPath = readonly (string | number)[];

const LONGEST_PATH = 256;
const MOST_STEPS = 16;
/** `.name`, `['name']` or `["name"]`, `[0]`. */
const STEP =
  /\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)|\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?(?:0|[1-9]\d{0,8})))\]/y;

/**
 * Compiles a JSON path (RFC 9535) that leads to one place at most: `$` and then `.name`, `['name']` or `[0]`. What leads
 * to many has no bound on the work per job, and is refused: `*`, `..`, slices, lists of selectors and filters `?`.
 *
 * @returns the path, or what is wrong with it, in words.
 */
export function compileJsonPath(text: string): JsonPath | { readonly problem: string } {
  if (text.length > LONGEST_PATH) return { problem: `a JSON path has at most ${LONGEST_PATH} characters` };
  if (!text.startsWith('$')) return { problem: `the JSON path ${text} has to begin with $` };
  const steps: (string | number)[] = [];
  const step = new RegExp(STEP);
  for (step.lastIndex = 1; step.lastIndex < text.length;) {
    const at = step.lastIndex;
    const match = step.exec(text);
    if (match === null)
      return { problem: `the JSON path ${text} goes wrong at ${text.slice(at)}: it may have .name, ['name'] and [0]` };
    const [, name, single, double, index] = match;
    steps.push(index === undefined ? (name ?? unescape(single ?? double ?? '')) : Number(index));
    if (steps.length > MOST_STEPS) return { problem: `the JSON path ${text} has more than ${MOST_STEPS} steps` };
  }
  return steps;
}

function unescape(name: string): string {
  return name.replaceAll(/\\(.)/gs, '$1');
}

/** The value at that place; undefined when there is none. Members that are inherited are none. */
export function valueAt(value: unknown, path: JsonPath): unknown {
  let found = value;
  for (const step of path) {
    if (typeof step === 'number') {
      if (!Array.isArray(found)) return undefined;
      found = (found as unknown[]).at(step);
    } else {
      if (typeof found !== 'object' || found === null || Array.isArray(found) || !Object.hasOwn(found, step))
        return undefined;
      found = (found as Record<string, unknown>)[step];
    }
  }
  return found;
}
