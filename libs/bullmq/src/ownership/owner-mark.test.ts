import { expect, test } from 'vitest';
import { formatOwner, formatOwnerMark, parseOwner, parseOwnerMark, type OwnerMark } from './owner-mark.ts';

const mark: OwnerMark = {
  owner: 'c1/shop/emails',
  managed: ['paused', 'rateLimit'],
  adoptedAt: '2026-01-02T03:04:05.000Z',
};

test('a mark reads back as it was written, its fields in one order', () => {
  expect(parseOwnerMark(formatOwnerMark(mark))).toEqual({ ...mark, managed: ['rateLimit', 'paused'] });
  expect(formatOwnerMark(mark)).toBe(formatOwnerMark({ ...mark, managed: ['rateLimit', 'paused'] }));
});

test('the mark of a removal is unique to it, and reads back as it was written', () => {
  const removal = { fence: 'f1', paused: true };
  expect(parseOwnerMark(formatOwnerMark({ ...mark, removal }))).toMatchObject({ removal });
  const others = [mark, { ...mark, removal }, { ...mark, removal: { ...removal, fence: 'f2' } }];
  expect(new Set(others.map(formatOwnerMark)).size).toBe(3);
  expect(parseOwnerMark(formatOwnerMark(mark))).not.toHaveProperty('removal');
});

test("the previous release's mark is read, and unknown fields of a later one are ignored", () => {
  const stored =
    '{"v":1,"owner":"c1/shop/emails","managed":["rateLimit","retention"],"adoptedAt":"2026-01-02T03:04:05.000Z","x":1}';
  expect(parseOwnerMark(stored)).toEqual({ ...mark, managed: ['rateLimit'] });
});

test.each(['', 'null', '{}', '{"v":2,"owner":"a/b/c","managed":[]}', 'not json'])(
  '%j is a mark that nobody may overwrite',
  (text) => {
    expect(parseOwnerMark(text)).toBe('unreadable');
  },
);

test.each([
  'yesterday',
  'x'.repeat(100),
  '9999-12-31T23:59:59.999Z',
  '2026-13-02T03:04:05.000Z',
  '+275760-09-13T00:00:01Z',
  7,
  null,
])('a mark that says %j is of a time nobody knows: whoever may write to the queue may write that', (adoptedAt) => {
  const stored = JSON.stringify({ v: 1, owner: 'c1/shop/emails', managed: [], adoptedAt });
  expect(parseOwnerMark(stored)).toMatchObject({ adoptedAt: '1970-01-01T00:00:00.000Z' });
});

test('no mark is not an unreadable one', () => {
  expect(parseOwnerMark(undefined)).toBeUndefined();
});

test('an owner is cluster, namespace and name', () => {
  const owner = { clusterId: 'c1', namespace: 'shop', name: 'emails' };
  expect(parseOwner(formatOwner(owner))).toEqual(owner);
  expect(parseOwner('shop/emails')).toBeUndefined();
  expect(parseOwner('a/b/c/d')).toBeUndefined();
});

// Wall 1: the API server is asked for the object, and refuses such a name for ever.
test.each(['.', '..', '%2e', 'a b', 'E', '-a', 'a.', 'é', '\ud800', 'a'.repeat(254)])(
  'who is called %j is no object: whoever may write to the queue may write that',
  (name) => {
    expect(parseOwner(`c1/shop/${name}`)).toBeUndefined();
    expect(parseOwner(`c1/${name}/emails`)).toBeUndefined();
  },
);

test('namespaces are labels of 63 characters, and names have dots and 253', () => {
  const [label, name] = ['a'.repeat(63), `${'a'.repeat(63)}.${'b'.repeat(189)}`];
  expect(parseOwner(`c1/${label}/${name}`)).toEqual({ clusterId: 'c1', namespace: label, name });
  expect([parseOwner(`c1/${label}a/emails`), parseOwner('c1/a.b/emails')]).toEqual([undefined, undefined]);
});
