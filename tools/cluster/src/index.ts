export { build } from './build.ts';
export { go } from './go.ts';
export { findCluster, startCluster, stopCluster, type Cluster, type ClusterOptions } from './cluster.ts';
export { buildImage, pythonWorkerImage, redisImage, type AppImageOptions, type BuiltImage } from './images.ts';
export { foreignImage } from './foreign-image.ts';
export {
  describeOwnCluster,
  exampleWorkerImage,
  ownCluster,
  type OwnCluster,
  type OwnClusterOptions,
} from './own-cluster.ts';
export { bringFolder, userCluster } from './user-cluster.ts';
export { writeOciLayouts, type BaseImage, type OciImage, type OciOptions } from './oci-layouts.ts';
export { startProgress, type Print, type Progress } from './progress.ts';
