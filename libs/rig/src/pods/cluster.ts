import type { Command } from './command.ts';

/** Images that demo and tests install, as references that the cluster's nodes have or can pull. */
export interface Images {
  registry: string;
  tag: string;
  redis: string;
  exampleWorker: { image: string; version: string };
}

/** A Kubernetes cluster as demo and tests use it: its command line tools with credentials, and the images. */
export interface Cluster {
  readonly description: string;
  readonly images: Images;
  readonly kubectl: Command;
  readonly helm: Command;
  /** Its pods' processes run on this machine, where they can be killed one by one. */
  readonly killsContainers: boolean;
}

/** A cluster that was opened here, and is ended here. */
export interface OpenedCluster extends Cluster {
  /** Started for this run: ending it takes all that is in it along. */
  readonly ours: boolean;
  /** Ends it; a cluster of the user's is left as it is. */
  end: () => Promise<void>;
}
