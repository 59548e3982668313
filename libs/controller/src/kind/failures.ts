import { ApiError, ConnectionError, isForbidden, isInvalid, isTooManyRequests } from '../client/api-error.ts';
import { requestInWords } from '../client/request-words.ts';
import { ReconcileTimeoutError } from '../controller/types.ts';
import { clipText } from '../objects/clip-text.ts';
import type { Problem } from './types.ts';

/** The reasons that the skeleton itself gives; every kind's table has them. */
export type FailureReason =
  | 'ApiForbidden'
  | 'ApiQuotaExceeded'
  | 'ApiRequestTooLarge'
  | 'ApiRequestRefused'
  | 'ApiThrottled'
  | 'ApiUnavailable'
  | 'ReconcileTimeout'
  | 'WaitingForTurn'
  | 'InternalError';

/** Longest text of others in a message; the way out after it is never cut off. */
const MAX_WORDS = 700;

/** The failure of a reconcile as a condition reports it: whatever failed, the condition says something. */
export function describeFailure(error: unknown): Problem<FailureReason> {
  if (error instanceof ApiError) {
    const { reason, wayOut } = classify(error);
    return { reason, message: `${words(error.message)}; ${wayOut}` };
  }
  if (error instanceof ConnectionError) {
    const message = `the API server did not answer: ${words(error.message)}; it is asked again`;
    return { reason: 'ApiUnavailable', message };
  }
  if (error instanceof ReconcileTimeoutError) {
    return {
      reason: 'ReconcileTimeout',
      message: `${error.message}: a part that it needs does not answer; it is tried again`,
    };
  }
  const fault = words(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  const message = `the controller failed: ${fault}; it tries again, and its log has the details. Please report it.`;
  return { reason: 'InternalError', message };
}

function classify(error: ApiError): { reason: FailureReason; wayOut: string } {
  if (isForbidden(error)) {
    if (/exceeded quota/.test(error.message)) {
      return { reason: 'ApiQuotaExceeded', wayOut: 'raise the ResourceQuota of the namespace, or make room in it' };
    }
    if (/denied (the )?request/.test(error.message)) {
      return { reason: 'ApiRequestRefused', wayOut: 'an admission policy or webhook says no; exempt it or follow it' };
    }
    return {
      reason: 'ApiForbidden',
      wayOut: "grant the controller's ServiceAccount this right; the chart's role has it",
    };
  }
  if (error.code === 413) return { reason: 'ApiRequestTooLarge', wayOut: 'make the object smaller' };
  if (isInvalid(error)) return { reason: 'ApiRequestRefused', wayOut: 'correct what the message names' };
  if (isTooManyRequests(error)) return { reason: 'ApiThrottled', wayOut: 'the API server is busy; it is asked again' };
  return {
    reason: 'ApiUnavailable',
    wayOut: 'the API server or a webhook that it asks is in trouble; it is asked again',
  };
}

/** The text within bounds, with the request at the start of the client's messages in words: its path belongs in the log. */
function words(message: string): string {
  return clipText(
    message.replace(/^([A-Z]+ \/\S+): /, (_, request: string) => `${requestInWords(request)}: `),
    MAX_WORDS,
  );
}
