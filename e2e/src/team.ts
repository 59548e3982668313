import { randomBytes } from 'node:crypto';
import { eventually } from '@redis-queue/rig';
import { applyExamples, removeChart, run, type Cluster } from '@redis-queue/rig/pods';
import { inject } from 'vitest';
import { TEAM_LABEL } from './cluster/team-label.ts';
import { installSiteChart, queueExample } from './site/install.ts';
import { createSite, createSiteWithOneUser, type Site } from './site/site.ts';

interface StoredCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

interface StoredPod {
  metadata: { name: string; deletionTimestamp?: string };
  status?: { conditions?: StoredCondition[] };
}

/** A namespace with a Redis of its own, and the controllers that a test file installs. */
export interface Team extends AsyncDisposable {
  cluster: Cluster;
  site: Site;
  kubectl: (...args: string[]) => Promise<string>;
  install: (chart: string, values?: Record<string, string>) => Promise<void>;
  /** The examples, with fields of the pool replaced. */
  applyExamples: (pool?: object) => Promise<void>;
  /** Names of pods with this label, whatever their state. */
  pods: (selector: string) => Promise<string[]>;
  /** Waits for pods with this label that are ready and not on their way out; their names. */
  readyPods: (selector: string) => Promise<string[]>;
  /** Waits for a condition of an object; fails with what it says instead. */
  condition: (object: string, type: string, status: string) => Promise<StoredCondition>;
}

/** `one`: all roles share the default user, as in the first example. */
export interface TeamOptions {
  redisUsers?: 'per role' | 'one';
}

const CONDITION_MS = 60_000;

/**
 * A team on the shared cluster; leaving it uninstalls its charts and deletes its namespace. That takes Kubernetes some
 * ten seconds, for which the global setup waits once, after all tests.
 */
export async function createTeam(name: string, { redisUsers = 'per role' }: TeamOptions = {}): Promise<Team> {
  const cluster = inject('cluster');
  const namespace = `${name}-${randomBytes(3).toString('hex')}`;
  const create = redisUsers === 'per role' ? createSite : createSiteWithOneUser;
  const site = await create(cluster, namespace, { [TEAM_LABEL]: '' });
  const kubectl: Team['kubectl'] = (...args) => run(cluster.kubectl, [...args, '-n', namespace]);
  const installed = new Set<string>();
  return {
    cluster,
    site,
    kubectl,
    install: async (chart, values = {}) => {
      installed.add(chart);
      await installSiteChart(cluster, site, chart, values);
    },
    applyExamples: (pool) => applyExamples(cluster, namespace, pool, queueExample(site)),
    pods: async (selector) => {
      const names = await kubectl('get', 'pods', '-l', selector, '-o=jsonpath={.items[*].metadata.name}');
      return names.split(' ').filter(Boolean);
    },
    readyPods: async (selector) =>
      await eventually(
        async () => {
          const list = JSON.parse(await kubectl('get', 'pods', '-l', selector, '-o', 'json')) as { items: StoredPod[] };
          const ready = list.items.filter(isReady).map(({ metadata }) => metadata.name);
          return ready.length > 0 && ready;
        },
        { timeoutMs: CONDITION_MS, intervalMs: 250, description: `a ready pod of ${selector}` },
      ),
    condition: async (object, type, status) =>
      await eventually(
        async () => {
          const text = await kubectl('get', object, '-o', 'json');
          const { status: { conditions = [] } = {} } = JSON.parse(text) as {
            status?: { conditions?: StoredCondition[] };
          };
          const found = conditions.find((each) => each.type === type);
          if (found?.status !== status) throw new Error(`${object} says ${JSON.stringify(found ?? conditions)}`);
          return found;
        },
        { timeoutMs: CONDITION_MS, intervalMs: 250, description: `${object} to be ${type}=${status}` },
      ),
    [Symbol.asyncDispose]: async () => {
      for (const chart of installed) await removeChart(cluster, namespace, chart);
      await run(cluster.kubectl, ['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
    },
  };
}

function isReady({ metadata, status }: StoredPod): boolean {
  return (
    !metadata.deletionTimestamp && !!status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True')
  );
}
