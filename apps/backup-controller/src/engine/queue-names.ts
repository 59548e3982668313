const DEAD_LETTERS = '_dlq';
/** Queues that a message names. */
const MOST_NAMED = 10;

/** Queues in a sentence: the first ones, and how many more there are. */
export function listQueues(names: readonly string[]): string {
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  return `${names.slice(0, MOST_NAMED).join(', ')}${more}`;
}

/** The dead letters of a Queue, as a backup names them. No object has this name: it could have no underscore. */
export function deadLettersName(queue: string): string {
  return `${queue}${DEAD_LETTERS}`;
}

/** The Queue whose dead letters have this name in a backup; undefined: they are none. */
export function queueOfDeadLetters(name: string): string | undefined {
  return name.endsWith(DEAD_LETTERS) ? name.slice(0, -DEAD_LETTERS.length) : undefined;
}
