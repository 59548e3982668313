import { describe, expect, it } from 'vitest';
import { ApiError, ConnectionError } from '../client/api-error.ts';
import { ReconcileTimeoutError } from '../controller/types.ts';
import { describeFailure } from './failures.ts';

const refused = (code: number, message: string, reason = 'X') =>
  new ApiError('PATCH /apis/apps/v1/namespaces/a/deployments/b', { code, reason, message });

describe('what a condition says of a failure', () => {
  it.each([
    [
      'a missing right',
      refused(403, 'deployments.apps "b" is forbidden: User "x" cannot patch resource'),
      'ApiForbidden',
    ],
    [
      'a quota',
      refused(403, 'deployments.apps "b" is forbidden: exceeded quota: few, requested: 1'),
      'ApiQuotaExceeded',
    ],
    ['a webhook that says no', refused(403, 'admission webhook "w" denied the request: no'), 'ApiRequestRefused'],
    ['an object that is too large', refused(413, 'Request entity too large'), 'ApiRequestTooLarge'],
    ['a bad field', refused(422, 'spec.replicas: must be positive'), 'ApiRequestRefused'],
    ['a busy server', refused(429, 'too many requests'), 'ApiThrottled'],
    ['a broken webhook', refused(500, 'failed calling webhook "w"'), 'ApiUnavailable'],
    ['no answer', new ConnectionError('PATCH /apis/x', new Error('timed out')), 'ApiUnavailable'],
    ['a part that hangs', new ReconcileTimeoutError(8_000), 'ReconcileTimeout'],
    ['a fault of the program', new TypeError('x is undefined'), 'InternalError'],
    ['whatever else is thrown', 'a word', 'InternalError'],
  ])('%s', (_, error, reason) => {
    expect(describeFailure(error).reason).toBe(reason);
  });

  it.each([
    ['too many requests, please try again', refused(429, 'Too many requests')],
    ['a failure of the server', refused(500, 'etcdserver: request timed out')],
    ['no answer', new ConnectionError('PATCH /apis/apps/v1/namespaces/a/deployments/b', new Error('reset'))],
  ])('names the request in the words of a role: %s', (_, error) => {
    expect(describeFailure(error).message).toContain('patch deployments b: ');
  });

  it('names what was requested and the way out, without the path', () => {
    const { message } = describeFailure(refused(403, 'deployments.apps "b" is forbidden: exceeded quota: few'));
    expect(message).toContain('deployments.apps "b" is forbidden: exceeded quota: few');
    expect(message).toContain('raise the ResourceQuota');
    expect(message).not.toContain('/apis/');
  });

  it('is bounded, whatever the server sends, and keeps the way out', () => {
    const long = describeFailure(refused(429, 'x'.repeat(100_000))).message;
    expect(long.length).toBeLessThan(1_000);
    expect(long).toMatch(/it is asked again$/);
    expect(describeFailure(new TypeError('y'.repeat(100_000))).message.length).toBeLessThan(1_000);
  });
});
