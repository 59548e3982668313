import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advise } from './advise.ts';
import { aReport, aSpec, MI, usageAfter } from './fixtures.ts';
import { quantityValue } from '@redis-queue/api';
import { learnUsage, noUsage } from './usage-history.ts';

const message = (...args: Parameters<typeof advise>): string => advise(...args)!.message;

describe('evidence', () => {
  it('is half an hour of pods, over 20 minutes, of the version that the spec names', () => {
    expect(advise(usageAfter(10, 1), aSpec())).toBeUndefined();
    expect(advise(usageAfter(10, 20), aSpec())).toBeUndefined(); // 200 pod-minutes, but of ten minutes only
    expect(advise(usageAfter(21, 1), aSpec())).toBeUndefined();
    expect(advise(usageAfter(31, 1), aSpec())).toBeDefined();
    expect(advise(usageAfter(31, 1), aSpec({ version: '1.0.1' }))).toBeUndefined();
  });

  it('of an hour in which pods were nearly idle says nothing of concurrency and CPU, only of memory', () => {
    const usage = usageAfter(60, 2, () => ({ busy: 1 }));
    const advice = advise(usage, aSpec({ cpuRequest: 4, memoryRequest: 1_024 * MI, memoryLimit: 1_024 * MI }))!;
    expect(advice.concurrency).toBeUndefined();
    expect(advice.resources).toEqual({ requests: { memory: '240Mi' }, limits: { memory: '288Mi' } });
    expect(advice.message).toContain('pods were seldom half busy');
  });

  it('counts each report once, and only those of pods as the spec has them', () => {
    const report = aReport({ redisTimeMs: 1_000 });
    const others = [aReport({ version: '0.9', pod: 'old' }), aReport({ slots: 5, pod: 'small' })];
    const once = learnUsage(noUsage(aSpec()), [report, ...others], aSpec());
    expect(once).toMatchObject({ pods: 1, measuredMs: 30_000 });
    expect(learnUsage(once, [report], aSpec())).toBe(once);
    const larger = learnUsage(once, [aReport({ slots: 20, redisTimeMs: 2_000 })], aSpec({ concurrency: 20 }));
    expect(larger).toMatchObject({ concurrency: 20, measuredMs: 30_000 });
  });
});

describe('concurrency', () => {
  it('doubles at most where slots are busy and the event loop is not, and says why', () => {
    const advice = advise(usageAfter(60, 3), aSpec())!;
    expect(advice.concurrency).toBe(20);
    expect(advice.pods).toBe(3);
    expect(advice.message).toMatch(
      /^Better: concurrency 20 instead of 10, .*Measured for 60 min on 3 pods of version 1\.0\.0, whose slots were 90 % busy: the event loop is 1[12] % busy with all 10 slots in use: 20 slots per pod would fit/,
    );
  });

  it('stays where the event loop is half busy, or the CPU that jobs use beside it leaves no room', () => {
    const half = usageAfter(60, 3, () => ({ eventLoop: 0.5, cpu: 0.5 }));
    expect(advise(half, aSpec())!.concurrency).toBeUndefined();
    const threads = usageAfter(60, 3, () => ({ eventLoop: 0.05, cpu: 3 }));
    expect(advise(threads, aSpec({ cpuLimit: 4, cpuRequest: 4 }))!.concurrency).toBeUndefined();
    expect(advise(threads, aSpec({ cpuLimit: 16, cpuRequest: 4 }))!.concurrency).toBe(20);
  });

  it('stays where slots are free, and for one pod unless its slots are full', () => {
    expect(
      advise(
        usageAfter(90, 3, (n) => ({ busy: n % 3 === 0 ? 6 : 2 })),
        aSpec(),
      )!.concurrency,
    ).toBeUndefined();
    expect(
      message(
        usageAfter(60, 1, () => ({ busy: 7 })),
        aSpec(),
      ),
    ).toContain('and slots are free');
    expect(
      advise(
        usageAfter(60, 1, () => ({ busy: 9.5 })),
        aSpec(),
      )!.concurrency,
    ).toBe(20);
  });

  it('stays where jobs take longer in full pods: what they wait for is elsewhere', () => {
    const usage = usageAfter(90, 3, (n) => (n % 3 === 0 ? { busy: 4, runMs: 600 } : { busy: 10, runMs: 1_800 }));
    expect(advise(usage, aSpec())!.concurrency).toBeUndefined();
    expect(message(usage, aSpec())).toContain('jobs take 3.0 times as long in full pods');
  });

  it('stays where the CPU limit stops pods, and names it', () => {
    const usage = usageAfter(60, 3, () => ({ throttled: 0.3 }));
    expect(advise(usage, aSpec({ cpuLimit: 0.1 }))!.concurrency).toBeUndefined();
    expect(message(usage, aSpec({ cpuLimit: 0.1 }))).toContain('the CPU limit stops pods in 30 % of the time');
  });

  it('falls by at most half where the event loop is full, to no fewer slots than queues', () => {
    const full = usageAfter(60, 3, () => ({ busy: 10, eventLoop: 1, cpu: 1.1 }));
    expect(advise(full, aSpec())!.concurrency).toBe(7);
    const crowded = usageAfter(60, 3, () => ({ busy: 5, eventLoop: 1, cpu: 1.1 }));
    expect(advise(crowded, aSpec())!.concurrency).toBe(5);
    expect(advise(crowded, aSpec({ queues: 9 }))!.concurrency).toBeUndefined();
    expect(message(full, aSpec())).toContain('the event loop is 100 % busy, so that jobs wait for each other');
  });

  it('step by step ends where it stays, for jobs that compute for any part of their time', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.002, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 500 }),
        (computes, from) => {
          let [slots, turns, last] = [from, 0, 0];
          for (; turns < 30 && slots !== last; turns++) {
            last = slots;
            // Busy slots of a pod with all the work it can take: jobs compute for this part of their run, one at a
            // time.
            const eventLoop = Math.min(1, slots * computes);
            const usage = usageAfter(40, 2, () => ({ slots, busy: slots, eventLoop, cpu: eventLoop }));
            slots = advise(usage, aSpec({ concurrency: slots, cpuRequest: 1 }))!.concurrency ?? slots;
          }
          expect(turns).toBeLessThan(30);
          expect(slots * computes <= 0.95 || slots <= 2 || slots === from).toBe(true);
          expect(slots).toBeLessThanOrEqual(1_000);
        },
      ),
      { numRuns: 20 },
    );
  });
});

/** An hour in which one minute of five had a lag. */
const blocked = (over: object = {}) => usageAfter(60, 3, (n) => ({ lagP99Ms: n % 5 === 0 ? 880 : 20, ...over }));

describe('lag of the event loop', () => {
  it('that handlers cause by computing is told with the way out, whatever else is advised', () => {
    const advice = advise(blocked(), aSpec())!;
    expect(advice.eventLoopLagMs).toBeGreaterThanOrEqual(880);
    expect(advice.eventLoopLagMs).toBeLessThan(930);
    expect(advice.message).toContain(
      `handlers block the event loop for up to ${advice.eventLoopLagMs} ms: move computation to a worker thread, or to a pool with concurrency 1`,
    );
    expect(advise(blocked({ busy: 1 }), aSpec())!.eventLoopLagMs).toBeDefined();
  });

  it('is not told where it is short, seldom, of one job alone, or caused by a CPU limit', () => {
    const short = blocked({ lagP99Ms: 150 });
    const seldom = usageAfter(60, 3, (n) => ({ lagP99Ms: n % 20 === 0 ? 880 : 20 }));
    const alone = blocked({ slots: 1, busy: 1 });
    const throttled = blocked({ throttled: 0.3 });
    expect(advise(short, aSpec())!.eventLoopLagMs).toBeUndefined();
    expect(advise(seldom, aSpec())!.eventLoopLagMs).toBeUndefined();
    expect(advise(alone, aSpec({ concurrency: 1 }))!.eventLoopLagMs).toBeUndefined();
    expect(advise(throttled, aSpec({ cpuLimit: 1 }))!.message).not.toContain('block the event loop');
    expect(advise(usageAfter(60, 3), aSpec())!.message).not.toContain('block the event loop');
  });
});

const cpuOf = (over: object): number | undefined =>
  quantityValue(
    advise(
      usageAfter(60, 3, () => over),
      aSpec({ cpuRequest: 0.01 }),
    )!.resources?.requests?.['cpu'],
  );

describe('resources', () => {
  const fitting = { eventLoop: 0.5, cpu: 0.45 };

  it('are the p90 of CPU with all slots busy and the p95 of memory with 15 % on top, and the highest peak with 30 %', () => {
    const usage = usageAfter(100, 1, (n) => ({ ...fitting, busy: 10, memory: (n === 50 ? 400 : 200) * MI }));
    const { cpuRequest: _, memoryRequest: __, memoryLimit: ___, ...bare } = aSpec();
    const { requests, limits } = advise(usage, bare)!.resources!;
    expect(quantityValue(requests!['cpu'])).toBeGreaterThanOrEqual(0.45 * 1.15);
    expect(quantityValue(requests!['cpu'])).toBeLessThan(0.45 * 1.15 * 1.16);
    expect(quantityValue(requests!['memory'])! / MI).toBeGreaterThanOrEqual(230);
    expect(quantityValue(requests!['memory'])! / MI).toBeLessThan(260);
    expect(quantityValue(limits!['memory'])! / MI).toBeGreaterThanOrEqual(520);
    expect(quantityValue(limits!['memory'])! / MI).toBeLessThan(580);
    expect(limits).not.toHaveProperty('cpu');
  });

  it('scale CPU to full slots, but never beyond what the event loop can do', () => {
    expect(cpuOf({ busy: 5, cpu: 0.2, eventLoop: 0.2 })).toBeCloseTo(0.5, 1);
    expect(cpuOf({ busy: 5, cpu: 0.8, eventLoop: 0.8 })! / 1.15).toBeLessThan(1.2);
  });

  it('are silent where the spec fits, and say so', () => {
    const usage = usageAfter(60, 3, () => ({ ...fitting, cpu: 0.1 }));
    const advice = advise(usage, aSpec())!;
    expect(advice.resources).toBeUndefined();
    expect(advice.message).toMatch(/^The spec fits\. Measured for/);
  });

  it('raise a limit that peaks come near to, though it is not a fifth off', () => {
    const usage = usageAfter(60, 3, () => ({ ...fitting, cpu: 0.1, memory: 260 * MI }));
    const advice = advise(usage, aSpec({ memoryRequest: 290 * MI, memoryLimit: 285 * MI }))!;
    expect(advice.resources?.limits?.['memory']).toBe('384Mi');
    expect(advice.message).toContain('close to the limit');
  });

  it('hold more memory for more slots: what each takes where that is clear, otherwise in proportion', () => {
    const unclear = advise(
      usageAfter(60, 3, () => ({ busy: 9 })),
      aSpec(),
    )!;
    expect(quantityValue(unclear.resources!.limits!['memory'])! / MI).toBeGreaterThan(2 * 200 * 1.3);
    const clear = usageAfter(60, 3, (n) => ({ busy: 5 + (n % 6), memory: (150 + 5 * (5 + (n % 6))) * MI }));
    const advice = advise(clear, aSpec())!;
    expect(advice.concurrency).toBe(20);
    expect(quantityValue(advice.resources!.limits!['memory'])! / MI).toBeLessThan(290 * 1.3);
  });

  it('never ask for what the API server refuses, nor for less than was measured, whatever was', () => {
    const amount = fc.double({ min: 0.01, max: 1, noNaN: true });
    const memory = fc.integer({ min: 20, max: 4_000 });
    fc.assert(
      fc.property(
        fc.record({ busy: amount, eventLoop: amount, cpu: fc.double({ min: 0, max: 8, noNaN: true }), memory }),
        fc.record(
          {
            cpuRequest: fc.double({ min: 0.01, max: 4, noNaN: true }),
            memoryRequest: memory,
            memoryLimit: memory,
          },
          { requiredKeys: [] },
        ),
        ({ busy, memory: mebibytes, ...measured }, { memoryRequest, memoryLimit, cpuRequest }) => {
          const spec = {
            ...aSpec({ cpuLimit: 4 }),
            ...(cpuRequest !== undefined && { cpuRequest }),
            ...(memoryRequest !== undefined && { memoryRequest: memoryRequest * MI }),
            memoryLimit: (memoryLimit ?? 4_000) * MI,
          };
          fc.pre(spec.memoryRequest! <= spec.memoryLimit);
          const usage = usageAfter(40, 2, () => ({ ...measured, busy: busy * 10, memory: mebibytes * MI }));
          const advice = advise(usage, spec)!;
          const { requests, limits } = advice.resources ?? {};
          const request = quantityValue(requests?.['memory']) ?? spec.memoryRequest!;
          const limit = quantityValue(limits?.['memory']) ?? spec.memoryLimit;
          expect(request).toBeLessThanOrEqual(limit);
          expect(limit).toBeGreaterThanOrEqual(mebibytes * MI);
          expect(quantityValue(requests?.['cpu']) ?? 0).toBeLessThanOrEqual(4);
          expect(advice.message.length).toBeLessThanOrEqual(1_024);
          expect(advice.concurrency ?? 10).toBeGreaterThanOrEqual(5);
          expect(advice.concurrency ?? 10).toBeLessThanOrEqual(20);
        },
      ),
      { numRuns: 60 },
    );
  });
});
