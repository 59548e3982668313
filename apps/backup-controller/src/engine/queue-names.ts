/** The dead letters of a Queue, as a backup names them. No object has this name: it could have no underscore. */
export function deadLettersName(queue: string): string {
  return `${queue}_dlq`;
}
