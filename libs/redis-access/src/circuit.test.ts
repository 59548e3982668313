import { describe, expect, it } from 'vitest';
import { Circuit } from './circuit.ts';

const REFUSED = new Error('connect ECONNREFUSED');

function failAt(circuit: Circuit, nowMs: number, error: unknown = REFUSED): boolean {
  return circuit.fail(error, circuit.outage, nowMs).opened;
}

describe('a Redis that does not answer', () => {
  it('is left alone for longer and longer, up to 6 s, and not at all once it answers', () => {
    const circuit = new Circuit();
    const waits: number[] = [];
    let nowMs = 0;
    for (let failures = 0; failures < 7; failures++) {
      failAt(circuit, nowMs);
      expect(circuit.admit(nowMs)).toMatchObject({ kind: 'refuse' });
      waits.push(circuit.retryAfterMs(nowMs));
      nowMs += circuit.retryAfterMs(nowMs);
      expect(circuit.admit(nowMs)).toEqual({ kind: 'probe' });
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 6_000, 6_000, 6_000]);
    expect(circuit.succeed()).toBe(true);
    expect(circuit.admit(nowMs)).toEqual({ kind: 'call' });
    expect(circuit.succeed()).toBe(false);
  });

  it('has failed once, however many calls were under way', () => {
    const circuit = new Circuit();
    circuit.succeed();
    const { outage } = circuit;
    const opened = Array.from({ length: 25 }, () => circuit.fail(REFUSED, outage, 0).opened);
    expect(opened.filter(Boolean)).toHaveLength(1);
    expect(circuit.retryAfterMs(0)).toBe(500);
  });

  it('gives one cause for a minute, whatever its calls fail with', () => {
    const circuit = new Circuit();
    const reset = new Error('read ECONNRESET');
    expect(circuit.fail(REFUSED, circuit.outage, 0).cause).toBe(REFUSED);
    expect(circuit.fail(reset, circuit.outage, 30_000).cause).toBe(REFUSED);
    expect(circuit.admit(30_000)).toEqual({ kind: 'refuse', cause: REFUSED });
    expect(circuit.fail(reset, circuit.outage, 60_000).cause).toBe(reset);
    circuit.succeed();
    expect(circuit.fail(REFUSED, circuit.outage, 60_001).cause).toBe(REFUSED);
  });

  it('is probed at once when its connection is established again', () => {
    const circuit = new Circuit();
    for (const nowMs of [0, 1_000, 3_000, 8_000, 20_000]) failAt(circuit, nowMs);
    circuit.retry();
    expect(circuit.admit(20_000)).toEqual({ kind: 'probe' });
  });
});

it('a Redis that answers stays trusted, however long ago that was', () => {
  const circuit = new Circuit();
  expect(circuit.isUnknown).toBe(true);
  expect(circuit.admit(0)).toEqual({ kind: 'probe' });
  circuit.succeed();
  expect(circuit.isUnknown).toBe(false);
  expect(circuit.admit(86_400_000)).toEqual({ kind: 'call' });
});
