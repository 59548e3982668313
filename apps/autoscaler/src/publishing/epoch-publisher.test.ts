import { expect, it } from 'vitest';
import type { ScalingDecision } from '@redis-queue/scaling-bus';
import { EpochPublisher, type DecisionBus } from './epoch-publisher.ts';
import { EXPIRES_AFTER_MS, type Outgoing } from './message.ts';

/** A bus with a clock that can jump, and a publisher on it. */
async function publishing({ latestEpoch = 0 } = {}) {
  const clock = { nowMs: 0, busAheadMs: 1_000_000 };
  const sent: ScalingDecision[] = [];
  const bus: DecisionBus = {
    publish: (decision) => Promise.resolve(void sent.push(decision)),
    unread: () => Promise.resolve(0),
    timeMs: () => Promise.resolve(clock.nowMs + clock.busAheadMs),
  };
  const publisher = await EpochPublisher.begin(bus, () => clock.nowMs, latestEpoch);
  const tick = async (): Promise<ScalingDecision> => {
    clock.nowMs += 1_000;
    await publisher.publish(outgoing, clock.nowMs - 5, clock.nowMs);
    return sent.at(-1)!;
  };
  return { clock, publisher, tick };
}

const outgoing = {
  pool: { namespace: 'team', name: 'workers', uid: 'uid', generation: 1 },
  currentReplicas: 1,
  decision: { desired: 2, reason: 'because', signals: [], confidence: 1, safetyLimitHit: false },
} as unknown as Outgoing;

it("the epoch is the bus's time", async () => {
  const { publisher } = await publishing({ latestEpoch: 999_000 });
  expect(publisher.epoch).toBe(1_000_000);
});

it('the epoch is above all that were published before, even on a bus whose clock was set back', async () => {
  const { publisher, tick } = await publishing({ latestEpoch: 5_000_000 });
  expect(publisher.epoch).toBe(5_000_001);
  expect(await tick()).toMatchObject({ epoch: 5_000_001, sequence: 1, sampledAt: 1_000_995 });
});

it.each([
  ['set forward by an hour', 3_600_000],
  ['set back by an hour', -3_600_000],
])('when the clock of the bus is %s, decisions carry its time by the second tick', async (_, jumpMs) => {
  const { clock, publisher, tick } = await publishing();
  const { epoch } = publisher;
  await tick();
  clock.busAheadMs += jumpMs;
  await tick();
  const second = await tick();
  const busNowMs = clock.nowMs + clock.busAheadMs;
  expect(second).toMatchObject({ epoch, sampledAt: busNowMs - 5, expiresAt: busNowMs + EXPIRES_AFTER_MS });
});
