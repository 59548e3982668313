/** The `Status` object of the Kubernetes API, as far as we read it. */
export interface ApiStatus {
  code?: number;
  reason?: string;
  message?: string;
  details?: { name?: string; group?: string; kind?: string; retryAfterSeconds?: number; causes?: ApiStatusCause[] };
}

export interface ApiStatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

/** The API server answered, and refused. A request without an answer throws a `ConnectionError`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  /** Kubernetes' machine-readable reason (`Conflict`, `NotFound`, `Expired`, …). */
  readonly reason: string;
  readonly details: NonNullable<ApiStatus['details']>;
  /** How long the server asked to wait before the next try. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, status: ApiStatus, retryAfterMs?: number) {
    super(`${request}: ${status.message ?? 'no message'} (${status.code ?? 0} ${status.reason ?? 'Unknown'})`);
    this.code = status.code ?? 0;
    this.reason = status.reason ?? 'Unknown';
    this.details = status.details ?? {};
    const seconds = status.details?.retryAfterSeconds;
    this.retryAfterMs = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
  }
}

/** No answer of the API server: refused, reset, timed out. Whether a write took place is unknown. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';

  constructor(request: string, cause: unknown) {
    super(`${request}: ${causeMessage(cause)}`, { cause });
  }
}

/** This process may no longer lead: it writes nothing more, to Kubernetes or to Redis. */
export class WritesStoppedError extends Error {
  override readonly name = 'WritesStoppedError';
}

function causeMessage(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // An AggregateError of a failed dual-stack connect has an empty message.
  return cause.message || ('code' in cause ? String(cause.code) : cause.name);
}

/** Whether it came from a request to the API server: it was refused, or not answered. */
export const isApiFailure = (error: unknown): boolean =>
  error instanceof ApiError || error instanceof ConnectionError || error instanceof WritesStoppedError;
export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;
export const isAlreadyExists = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 409 && error.reason === 'AlreadyExists';
/** Somebody changed the object since it was read: the next try reads what they wrote. */
export const isConflict = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 409 && error.reason === 'Conflict' && !isFieldConflict(error);
/** Another manager owns a field of an apply, so that trying again changes nothing. Either side has to let go of it. */
export const isFieldConflict = (error: unknown): boolean =>
  error instanceof ApiError && (error.details.causes?.some(({ reason }) => reason === 'FieldManagerConflict') ?? false);
/** The resourceVersion or continue token is too old: list again. */
export const isExpired = (error: unknown): boolean => error instanceof ApiError && error.code === 410;
export const isForbidden = (error: unknown): boolean => error instanceof ApiError && error.code === 403;
/** The API server is busy, or a PodDisruptionBudget lets no pod go. */
export const isTooManyRequests = (error: unknown): boolean => error instanceof ApiError && error.code === 429;
/** The object itself is bad (422, 400): trying again changes nothing. */
export const isInvalid = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 422 || error.code === 400);
