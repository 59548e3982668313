export { eventually, type EventuallyOptions } from './waiting/eventually.ts';
export { freePort } from './processes/free-port.ts';
export { startProcess, temporaryFolder } from './processes/process.ts';
export type { ChildHandle, ProcessExit, ProcessOptions } from './processes/process.ts';
export { killWithThisProcess, processStartTime } from './processes/guardian.ts';
export { startRedis, type RedisNetwork, type RedisOptions, type RedisServer } from './redis/redis.ts';
export { tlsArguments, type ServerTls } from './redis/server-tls.ts';
export { startRedisSentinel, type RedisSentinel, type RedisSentinelOptions } from './redis/redis-sentinel.ts';
export {
  startRedisCluster,
  type RedisCluster,
  type RedisClusterOptions,
  type RedisShard,
} from './redis/redis-cluster.ts';
export { ask } from './redis/ask.ts';
export { untilReplicated } from './redis/replication.ts';
export { valkeyServer } from './redis/valkey/valkey.ts';
export { startRoughProxy, type RoughProxyOptions } from './redis/rough-proxy.ts';
export { startSilentProxy, startSilentServer, type SilentProxy } from './redis/silent-proxy.ts';
export { startSlowLink } from './redis/slow-link.ts';
export { startS3Server, type S3Server, type S3ServerOptions } from './s3/s3-server.ts';
export { firingAlerts, type AlertQuestion, type FiringAlert } from './prometheus/alerts.ts';
export { startKmsServer, type KmsServer } from './kms/kms-server.ts';
export { startS3Proxy, type S3Fault, type S3Proxy, type S3Request } from './s3/s3-proxy.ts';
export { startSmallDisk, type SmallDisk } from './s3/small-disk.ts';
export { helmPath, startControlPlane } from './control-plane/control-plane.ts';
export type { ControlPlane, ControlPlaneOptions } from './control-plane/control-plane.ts';
export { assembleControlPlane, NODE_NAME } from './control-plane/assembly.ts';
export type { ControlPlaneAssembly, Launch, LaunchedComponent } from './control-plane/assembly.ts';
export { createAuthority, issueCertificate, type KeyPair } from './control-plane/certificates.ts';
export { kubectl } from './control-plane/kubectl.ts';
export { startApiProxy, type ApiAnswer, type ApiProxy, type Intercept } from './api-proxy/api-proxy.ts';
export { kindOfWrite, type ApiWrite } from './api-proxy/api-write.ts';
export { FAULT_NAMES, FAULTS, type Fault } from './api-proxy/faults.ts';
export {
  cacheFolder,
  goModule,
  moduleOf,
  program,
  programFolder,
  VERSIONS,
  workspaceRoot,
} from './programs/binaries.ts';
export type { ProgramSet } from './programs/binaries.ts';
export { PYTHON, pythonPackages } from './programs/python.ts';
export { APP_NAMES, type AppName } from '@redis-queue/api';
export { buildBundles, bundleOf } from './apps/bundles.ts';
export { startAppProcess, type AppProcess, type AppProcessOptions } from './apps/app-process.ts';
