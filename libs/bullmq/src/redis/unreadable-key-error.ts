/** The longest name of a key in a message: producers choose the ids of jobs. */
const MAX_SHOWN = 200;

/**
 * A key of a queue cannot be backed up: it holds another type than BullMQ gives it, more than is read of one, or what is
 * no text where BullMQ has one. The fault is the queue's alone.
 */
export class UnreadableKeyError extends Error {
  override readonly name = 'UnreadableKeyError';

  constructor(key: string, why: string, options?: ErrorOptions) {
    const shown = key.length > MAX_SHOWN ? `${key.slice(0, MAX_SHOWN)}…` : key;
    super(`key ${JSON.stringify(shown)}: ${why}`, options);
  }
}

/** Why a key of another type than BullMQ gives it cannot be read. */
export const WRONG_TYPE =
  'it holds another type than BullMQ gives it, as a job does whose id is the name of a key; remove it, and try again';
