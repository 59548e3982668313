/** On the namespaces of teams, by which the global setup finds them. */
export const TEAM_LABEL = 'redis-queue.io/end-to-end-team';
