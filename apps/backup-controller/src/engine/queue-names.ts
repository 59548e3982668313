const DEAD_LETTERS = '_dlq';

/** The dead letters of a Queue, as a backup names them. No object has this name: it could have no underscore. */
export function deadLettersName(queue: string): string {
  return `${queue}${DEAD_LETTERS}`;
}

/** The Queue whose dead letters have this name in a backup; undefined: they are none. */
export function queueOfDeadLetters(name: string): string | undefined {
  return name.endsWith(DEAD_LETTERS) ? name.slice(0, -DEAD_LETTERS.length) : undefined;
}
