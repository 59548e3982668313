import { beforeEach, expect, it } from 'vitest';
import { ApiError, ConnectionError } from '../client/api-error.ts';
import { ReflectorState } from './reflector-state.ts';

let state: ReflectorState;
beforeEach(() => {
  state = new ReflectorState();
  state.listed('100', 0);
});

const refused = (code: number, reason = 'x'): ApiError => new ApiError('WATCH', { code, reason });
const broken = new ConnectionError('WATCH', new Error('reset'));

it('lists first', () => {
  expect(new ReflectorState().version).toBeUndefined();
});

it('goes on from the last version seen when the connection breaks', () => {
  state.advanced('120');
  expect(state.failed(broken, 10_000)).toBe('after a while');
  expect(state.version).toBe('120');
});

it('lists at once when its version is too old', () => {
  expect(state.failed(refused(410, 'Expired'), 10_000)).toBe('at once');
  expect(state.version).toBeUndefined();
});

it('does not list in a loop when even a fresh version is called too old', () => {
  expect(state.failed(refused(410, 'Expired'), 500)).toBe('after a while');
});

it('keeps its version when the server is busy, and gives it up when the watch is refused', () => {
  for (const code of [429, 500, 503]) state.failed(refused(code), 10_000);
  expect(state.version).toBe('100');
  state.failed(refused(403), 10_000);
  expect(state.version).toBeUndefined();
});

it('lists when five watches in a row fail, as after a restore to an older state', () => {
  for (let failure = 0; failure < 4; failure++) state.failed(refused(504), 10_000);
  expect(state.version).toBe('100');
  state.failed(refused(504), 10_000);
  expect(state.version).toBeUndefined();
});

it('an event between failures starts the count over', () => {
  for (let failure = 0; failure < 20; failure++) {
    state.failed(broken, 10_000);
    state.advanced(undefined);
  }
  expect(state.version).toBe('100');
});
