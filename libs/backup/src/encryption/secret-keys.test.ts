import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { secretKeys } from './secret-keys.ts';

const [oldKey, newKey] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const DATA_KEY = randomBytes(32);
const CONTEXT = { backupId: 'monday' };

describe('keys of a Secret', () => {
  it('open what they wrapped, in the same context only', async () => {
    const keys = secretKeys(oldKey);
    const wrapped = await keys.wrap(DATA_KEY, CONTEXT);
    expect(Buffer.from(wrapped).includes(DATA_KEY)).toBe(false);
    expect(Buffer.from(await keys.unwrap(wrapped, CONTEXT, keys.id))).toEqual(DATA_KEY);
    await expect(keys.unwrap(wrapped, { backupId: 'tuesday' }, keys.id)).rejects.toMatchObject({
      reason: 'KeyRefused',
    });
  });

  it('are rotated by putting a new one first: it wraps, and what the old one wrapped still opens', async () => {
    const before = secretKeys(oldKey);
    const wrapped = await before.wrap(DATA_KEY, CONTEXT);
    const after = secretKeys(`${newKey}\n${oldKey}\n`);
    expect(after.id).toBe(secretKeys(newKey).id);
    expect(Buffer.from(await after.unwrap(wrapped, CONTEXT, before.id))).toEqual(DATA_KEY);
    const wrappedAfter = await after.wrap(DATA_KEY, CONTEXT);
    expect(Buffer.from(await secretKeys(newKey).unwrap(wrappedAfter, CONTEXT, after.id))).toEqual(DATA_KEY);
  });

  it('have an id that is always the same and tells nothing of the key', () => {
    expect(secretKeys('AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=').id).toMatch(/^secret:[0-9a-f]{16}$/);
    expect(secretKeys(oldKey).id).toBe(secretKeys(` ${oldKey} \n`).id);
    expect(secretKeys(oldKey).id).not.toBe(secretKeys(newKey).id);
  });

  it('say which are needed and which are there when the right one is not', async () => {
    const wrapped = await secretKeys(oldKey).wrap(DATA_KEY, CONTEXT);
    const other = secretKeys(newKey);
    const refused = other.unwrap(wrapped, CONTEXT, secretKeys(oldKey).id);
    await expect(refused).rejects.toMatchObject({ reason: 'KeyUnknown' });
    await expect(refused).rejects.toThrow(`key ${secretKeys(oldKey).id}, and given is ${other.id}`);
  });

  it('refuse any wrapped key of which a byte changed, and any other length', async () => {
    const keys = secretKeys(oldKey);
    const wrapped = Buffer.from(await keys.wrap(DATA_KEY, CONTEXT));
    const changed = [...wrapped.keys()].map((at) => {
      const copy = Buffer.from(wrapped);
      copy[at]! ^= 1;
      return copy;
    });
    for (const each of [...changed, wrapped.subarray(1), Buffer.alloc(0), Buffer.concat([wrapped, wrapped])])
      await expect(keys.unwrap(each, CONTEXT, keys.id)).rejects.toMatchObject({ reason: 'KeyRefused' });
  });

  it.each([
    ['', 'there is no key'],
    [`${oldKey} c2hvcnQ=`, 'key 2 of 2 is not 32 bytes in base64'],
    [randomBytes(32).toString('hex'), 'key 1 of 1 is not'],
    [Array.from({ length: 21 }, () => oldKey).join('\n'), '21 keys are more than 20'],
  ])('are refused when they are none, without being repeated (%#)', (text, message) => {
    let error: Error | undefined;
    try {
      secretKeys(text);
    } catch (caught) {
      error = caught as Error;
    }
    expect(error).toMatchObject({ reason: 'KeyInvalid' });
    expect(error!.message).toContain(message);
    for (const word of text.split(/\s+/).filter(Boolean)) expect(error!.message).not.toContain(word);
  });
});
