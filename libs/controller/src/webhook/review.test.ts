import { describe, expect, it } from 'vitest';
import { answer, concerns, parseReview, PASSES, type Review } from './review.ts';

const review = (request: object): string =>
  JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
const object = (spec: object, metadata: object = {}): NonNullable<Review['object']> => ({
  metadata: { name: 'a', ...metadata },
  spec,
});
const { signal } = new AbortController();

describe('an AdmissionReview', () => {
  it('is read as the API server sends it', () => {
    const sent = { uid: 'u', operation: 'CREATE', namespace: 'shop', object: object({ size: 1 }), oldObject: null };
    expect(parseReview(review({ ...sent, userInfo: { username: 'jo' } }))).toEqual(sent);
  });

  it.each([
    ['{', 'not JSON'],
    ['[]', 'not an AdmissionReview'],
    [review({ operation: 'CREATE' }), 'request.uid'],
    [review({ uid: 'u', operation: 'CREATE', object: { metadata: 'a' } }), 'request.object.metadata'],
    [JSON.stringify({ apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview' }), 'apiVersion'],
  ])('%s is refused', (body, why) => {
    expect(() => parseReview(body)).toThrow(why);
  });
});

const concern = (rest: Partial<Review>): unknown =>
  concerns({ uid: 'u', operation: 'UPDATE', namespace: 'shop', ...rest }, signal);

describe('always passes', () => {
  const before = object({ size: 1 });

  it.each<[string, object]>([
    ['what is being deleted', { object: object({ size: 2 }, { deletionTimestamp: 'now' }), oldObject: before }],
    ['a spec that stays', { object: object({ size: 1 }, { labels: { a: 'b' } }), oldObject: before }],
    ['a subresource', { subResource: 'status', object: object({ size: 2 }), oldObject: before }],
    ['a deletion', { operation: 'DELETE', oldObject: before }],
  ])('%s', (_, rest) => {
    expect(concern(rest)).toBeUndefined();
  });

  it('but a spec that changes does not', () => {
    expect(concern({ object: object({ size: 2 }), oldObject: before })).toMatchObject({
      oldObject: before,
      dryRun: false,
    });
  });
});

const responseOf = (verdict: object): unknown =>
  (answer('u', { ...PASSES, ...verdict }) as { response: unknown }).response;

describe('the answer', () => {
  it('refuses as a validation does, and adds nothing then', () => {
    const additions = [{ op: 'add', path: '/a', value: 1 }];
    expect(responseOf({ refusals: ['spec.a: no', 'spec.b: no'], additions })).toEqual({
      uid: 'u',
      allowed: false,
      status: { code: 422, reason: 'Invalid', message: 'spec.a: no; spec.b: no' },
    });
  });

  it('carries what is added, and bounded warnings', () => {
    const additions = [{ op: 'add', path: '/a', value: 1 }];
    const warnings = Array.from({ length: 40 }, () => 'w'.repeat(1_000));
    const response = responseOf({ additions, warnings }) as { patch: string; warnings: string[] };
    expect(JSON.parse(Buffer.from(response.patch, 'base64').toString())).toEqual(additions);
    expect(response.warnings).toHaveLength(16);
    expect(response.warnings[0]).toHaveLength(256);
  });
});
