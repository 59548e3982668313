export { BUS_ACL_RULES, BUS_PREFIX, BUS_QUEUE, busPrefix } from './connection.ts';
export {
  createConsumer,
  type BusDropReason,
  type Consumer,
  type ConsumerObserver,
  type ConsumerOptions,
  type DecisionContext,
  type DecisionHandler,
} from './consumer.ts';
export {
  decisionAdviceSchema,
  decisionSignalSchema,
  isExpired,
  MOST_CLIENTS,
  MOST_STUCK_PODS,
  parseDecision,
  SCHEMA_VERSION,
  scalingDecisionSchema,
  type DecisionAdvice,
  type DecisionSignal,
  type NamedPool,
  type ParsedDecision,
  type ScalingDecision,
  type SpeakingClients,
  type StuckPod,
} from './decision.ts';
export { busFlags, readBusFlags } from './flags.ts';
export { compareFence, DECISION_ANNOTATION, formatFence, parseFence, type Fence } from './fence.ts';
export type { BusHealth } from './health.ts';
export { createPublisher, type Publisher, type PublisherOptions } from './publisher.ts';
export { followBus, openBusSource, type BusSecret, type BusSetting, type BusSource } from './source.ts';
