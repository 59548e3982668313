/**
 * The least that Redis ACL rules have to allow, each set tested with exactly this text; `~bull:*` stands for the
 * queues' prefix. The rights of `cluster`, `asking`, `readonly` and `readwrite` are for a Redis Cluster, where clients ask any node,
 * replicas too, for the slots and follow those that move; `+select` is for another database than 0. They go after `ACL SETUSER <name> reset on ><password> resetchannels`.
 */
export const ACL_RULES = {
  /** Sampling and waking up: the autoscaler, and status. */
  reader:
    '%R~bull:* +@read +eval_ro +evalsha_ro +info +time +ping +select +client|tracking +client|id +client|setname +subscribe &__redis__:invalidate +cluster|slots +cluster|info +asking +readonly +readwrite',
  /** Reading queues whole: backups. It writes nothing. */
  backup:
    '%R~bull:* +@read +multi +exec +eval_ro +evalsha_ro +info +time +ping +select +client|tracking +client|id +client|setname +subscribe &__redis__:invalidate +cluster|slots +cluster|info +asking +readonly +readwrite',
  /** Policy, owner mark, dead letters and deletion: the queue controller. A dead-letter queue has the queues' prefix. */
  controller:
    '~bull:* +@read +@write +eval +evalsha +eval_ro +evalsha_ro +info +time +ping +select +client|setname -@dangerous +info +cluster|slots +cluster|info +asking +readonly +readwrite',
  /** Writing the queues of a backup, also under the prefix of scratch restores, and comparing them with it: the backup controller. */
  restore:
    '~bull:* ~rq-scratch-* +@read +hset +hsetnx +hdel +hincrby +set +incr +sadd +srem +zadd +zrem +zremrangebyrank +rpush +ltrim +rename +unlink +del +xadd +eval +evalsha +eval_ro +evalsha_ro +info +time +ping +select +client|setname -@dangerous +info +cluster|slots +cluster|info +asking +readonly +readwrite',
  /** Running jobs: worker pods, with our library or with BullMQ alone. */
  worker:
    '~bull:* +@read +@write +eval +evalsha +ping +select +client|setname -@dangerous +info +cluster|slots +cluster|info +asking +readonly +readwrite',
  /** Adding jobs, flows and job schedulers with BullMQ; waiting for what becomes of them. */
  producer:
    '~bull:* +@read +@write +multi +exec +eval +evalsha +ping +select +client|setname -@dangerous +info +cluster|slots +cluster|info +asking +readonly +readwrite',
} as const;
