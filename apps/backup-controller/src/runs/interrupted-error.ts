/** The process stops, or does not lead any more, or others have waited for the place: the run is begun again. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
