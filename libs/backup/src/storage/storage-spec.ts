/** A bucket of an S3 service, and what its objects are stored with. */
export interface S3Spec {
  readonly bucket: string;
  /** Before every path, with a slash between. */
  readonly prefix?: string;
  /** Of AWS, one is needed; other services are told `us-east-1` without. */
  readonly region?: string;
  /** `https://minio.storage:9000`; AWS' own by default. */
  readonly endpoint?: string;
  /** Whether the bucket is in the path of a URL instead of in its host; by default where an endpoint is named. */
  readonly forcePathStyle?: boolean;
  readonly serverSideEncryption?: { readonly algorithm: 'AES256' | 'aws:kms'; readonly kmsKeyId?: string };
  /** For how long nobody may delete an object, counted from when it is stored. The bucket needs Object Lock. */
  readonly objectLock?: { readonly mode: 'Governance' | 'Compliance'; readonly days: number };
}

/** A directory of a file system that is mounted. */
export interface VolumeSpec {
  /** Whoever runs the process names it, such as where the chart mounts the volume; links on the way to it are followed. */
  readonly root: string;
  /** A directory below the root, which somebody else may name: nothing in it leads out of the root. */
  readonly path?: string;
}

export type StorageSpec = { readonly s3: S3Spec } | { readonly volume: VolumeSpec };
