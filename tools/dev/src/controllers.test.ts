import { describe, expect, it } from 'vitest';
import { controllerLaunch, type Surroundings } from './controllers.ts';

const surroundings: Surroundings = {
  node: '/bin/node',
  workspaceRoot: '/checkout',
  kubeconfigPath: '/kubeconfig',
  namespace: 'dev',
  scoped: false,
  logLevel: 'info',
  inspect: false,
  serviceAddress: '127.0.0.1',
  bus: { host: 'redis.dev.svc', port: 1, password: 'p' },
};

describe('a controller is started', () => {
  it('from source, again on every change, with the flags of its chart', () => {
    const { command, args, env } = controllerLaunch('autoscaler', 2, surroundings);
    expect(command).toBe('/bin/node');
    expect(args.slice(0, 2)).toEqual(['--watch', '--watch-preserve-output']);
    expect(args.slice(3)).toEqual([
      '/checkout/apps/autoscaler/src/main.ts',
      '--kubeconfig=/kubeconfig',
      '--http-port=8083',
      '--log-level=info',
      '--redis-secret-names=redis-credentials',
    ]);
    expect(env).toEqual({
      POD_NAME: 'autoscaler-dev',
      POD_NAMESPACE: 'dev',
      DEV_SERVICE_ADDRESS: '127.0.0.1',
      BUS_REDIS_HOST: 'redis.dev.svc',
      BUS_REDIS_PORT: '1',
      BUS_REDIS_PASSWORD: 'p',
    });
  });

  it('without the bus, where it does not use it', () => {
    expect(Object.keys(controllerLaunch('queue-controller', 0, surroundings).env)).not.toContain('BUS_REDIS_HOST');
  });

  it('with a password in its environment, never among its arguments', () => {
    const { args } = controllerLaunch('autoscaler', 2, {
      ...surroundings,
      bus: { ...surroundings.bus, password: 's3' },
    });
    expect(args.join(' ')).not.toContain('s3');
  });

  it('with a debugger port of its own, on loopback, when one is asked for', () => {
    const { args, inspectPort } = controllerLaunch('workerpool-controller', 1, { ...surroundings, inspect: true });
    expect(args).toContain('--inspect=127.0.0.1:9230');
    expect(inspectPort).toBe(9230);
    expect(args).toContain('--leader-elect=false');
    expect(controllerLaunch('workerpool-controller', 1, surroundings).inspectPort).toBeUndefined();
  });

  it('for one namespace only, on a cluster that may hold others', () => {
    const { args } = controllerLaunch('autoscaler', 2, { ...surroundings, scoped: true });
    expect(args).toContain('--namespace-scope=dev');
  });
});
