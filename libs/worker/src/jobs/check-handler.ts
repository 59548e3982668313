/** What a handler may be, for a person. */
const MAY_BE = 'a function, handle(schema, function), { run, schema, options }, or a file';

/**
 * Checks what is to run the jobs of a queue: a program in plain JavaScript has no types, and what is no handler would
 * fail every job of the queue.
 *
 * @throws Error that names the queue, says what was given instead, and where that comes from.
 */
export function checkHandler(queue: string, given: unknown): void {
  const why = whyNoHandler(given);
  if (why) throw new Error(`the handler of queue ${queue} is none: ${why}; it may be ${MAY_BE}`);
}

function whyNoHandler(given: unknown): string | undefined {
  if (given === undefined || given === null) {
    return `it is ${given}, as what modules that import each other see of one another, or a name that a module does not export`;
  }
  if (typeof given === 'function') return isSchema(given) ? 'it is a schema, and no function goes with it' : undefined;
  if (typeof given === 'string' || given instanceof URL) return undefined;
  if (given instanceof Promise) return 'it is a promise; await it first';
  if (typeof given !== 'object') return `it is ${typeof given === 'symbol' ? 'a symbol' : JSON.stringify(given)}`;
  const { run, file, schema } = given as { run?: unknown; file?: unknown; schema?: unknown };
  if (file !== undefined) {
    if (typeof file !== 'string' && !(file instanceof URL)) return 'its file is neither a path nor a URL';
  } else if (typeof run !== 'function' || isSchema(run)) {
    return run === undefined ? `it has no run, but ${namesOf(given)}` : 'its run is no function';
  }
  if (schema !== undefined && !isSchema(schema)) {
    return 'its schema is no Standard Schema (Zod, Valibot, ArkType …); handle takes the schema first, then the function';
  }
  const known = file === undefined ? ['run', 'file', 'schema', 'options'] : ['file', 'schema', 'options'];
  const other = Object.keys(given).find((name) => !known.includes(name));
  if (other === 'run') return 'it has a file and a run; leave one of them out';
  return other && `${other} of it is not read; options of BullMQ's Worker go into its options`;
}

/** Some libraries have schemas that are functions. */
function isSchema(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const { '~standard': standard } = value as { '~standard'?: { validate?: unknown } };
  return typeof standard?.validate === 'function';
}

function namesOf(given: object): string {
  const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const listed = names.join(', ') || 'nothing';
  return names.includes('default') ? `${listed} (a module; give its default)` : listed;
}
