/**
 * The least that Redis ACL rules have to allow, each set tested with exactly this text; `~bull:*` stands for the
 * queues' prefix. They go after `ACL SETUSER <name> reset on ><password> resetchannels`.
 */
export const ACL_RULES = {
  /** Sampling and waking up: the autoscaler, and the backup of one queue. */
  reader:
    '%R~bull:* +@read +eval_ro +evalsha_ro +info +time +ping +client|tracking +client|id +client|setname +subscribe &__redis__:invalidate',
  /** Policy, owner mark and deletion: the queue controller. */
  controller:
    '~bull:* +@read +@write +eval +evalsha +eval_ro +evalsha_ro +info +time +ping +client|setname -@dangerous +info',
  /** Running jobs: worker pods, with our library or with BullMQ alone. */
  worker: '~bull:* +@read +@write +eval +evalsha +ping +client|setname -@dangerous +info',
  /** Adding jobs, flows and job schedulers with BullMQ; waiting for what becomes of them. */
  producer: '~bull:* +@read +@write +multi +exec +eval +evalsha +ping +client|setname -@dangerous +info',
} as const;
