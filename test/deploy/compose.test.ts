import { Script } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { envSchema } from '../../src/config/env.js';
import { NODE_ROLES } from '../../src/protocol/records.js';
import { composeServices, text } from './files.js';

const services = composeServices();
const roles = NODE_ROLES.map((role) => [role] as const);
const seconds = (period: string): number => Number.parseInt(period, 10);

const service = (name: string): (typeof services)[string] => {
  const found = services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
};

/** `${NAME:-default}` → default, `${NAME:?message}` → a stand-in that any setting of text accepts. */
const interpolate = (value: string): string =>
  value.replace(/\$\{\w+:-([^}]*)\}/g, '$1').replace(/\$\{\w+:\?[^}]*\}/g, 'x'.repeat(32));

describe('docker-compose.yml', () => {
  test('has every role, Redis and the proxy, and nothing else', () => {
    expect(Object.keys(services).sort()).toEqual([...NODE_ROLES, 'proxy', 'redis'].sort());
  });

  test.each(roles)('%s runs that role of the one image', (role) => {
    const { command, image } = service(role);
    expect({ command, image }).toEqual({ command: [role], image: service('gateway').image });
  });

  test('one service builds that image', () => {
    const built = Object.entries(services).map(([name, { build }]) => [name, build] as const);
    expect(built.filter(([, build]) => build !== undefined)).toEqual([['gateway', '.']]);
  });

  test.each(roles)('every setting of %s exists and has a value that it accepts', (role) => {
    const { environment } = service(role);
    expect(Object.keys(envSchema.shape)).toEqual(expect.arrayContaining(Object.keys(environment)));
    const values = Object.entries(environment).map(([name, value]) => [name, interpolate(value)] as const);
    const set = Object.fromEntries(values.filter(([, value]) => value !== ''));
    expect(envSchema.safeParse(set).error?.issues).toBeUndefined();
  });

  test.each(roles)('%s has time to drain before it is killed', (role) => {
    const drainMs = Number(service(role).environment['DRAIN_MS']);
    expect(seconds(service(role).stop_grace_period)).toBeGreaterThan(drainMs / 1_000 + 5);
  });

  test.each(roles)('the health check of %s asks the port that it listens on', (role) => {
    const { environment, healthcheck } = service(role);
    const port = role === 'gateway' ? environment['PORT'] : environment['METRICS_PORT'];
    expect(healthcheck.test.slice(0, 3)).toEqual(['CMD', 'node', '-e']);
    expect(healthcheck.test[3]).toContain(`'http://127.0.0.1:${port}/readyz'`);
    expect(() => new Script(healthcheck.test[3] ?? '')).not.toThrow();
  });

  test('publishes only the proxy, so that every role can be scaled', () => {
    const published = Object.keys(services).filter((name) => service(name).ports !== undefined);
    expect(published).toEqual(['proxy']);
    expect(text('docker-compose.yml')).not.toContain('container_name');
  });

  test('keeps Redis out of reach of the proxy', () => {
    expect(service('redis').networks).toEqual(['back']);
    expect(service('proxy').networks).toEqual(['front']);
  });

  test('Redis keeps what it acknowledged and evicts nothing', () => {
    const command = service('redis').command?.join(' ');
    expect(command).toContain('--appendonly yes --appendfsync everysec');
    expect(command).toContain('--maxmemory-policy noeviction');
  });

  test('pins its images', () => {
    for (const { image } of Object.values(services)) expect(image).toMatch(/^[\w./-]+:(?!latest)\S+$/);
  });

  test.each(['AUTH_SECRET', 'AUTH_SECRET_PREVIOUS', 'POOL_KEY', 'POOL_SUCCESSORS'])(
    '%s, which the runbook replaces in .env, reaches the gateways',
    (name) => {
      expect(service('gateway').environment[name]).toMatch(new RegExp(`^\\$\\{${name}:[?-]`));
    },
  );

  test('asks no registry for the image that it builds', () => {
    for (const role of NODE_ROLES) expect(service(role)).toMatchObject({ pull_policy: 'never' });
  });

  test('has no secret in clear: each comes from outside, and is required if the pool needs it', () => {
    expect(service('gateway').environment['AUTH_SECRET']).toMatch(/^\$\{AUTH_SECRET:\?.+\}$/);
    for (const name of [...NODE_ROLES, 'redis']) {
      for (const [key, value] of Object.entries(service(name).environment)) {
        if (/SECRET$|PASSWORD|AUTH$/.test(key)) expect(value).toMatch(/^\$\{\w+:\?.+\}$/);
        if (/SECRET_PREVIOUS|KEY$/.test(key)) expect(value).toMatch(/^\$\{\w+:-\}$/);
        if (key === 'REDIS_URL') expect(value).toMatch(/^redis:\/\/:\$\{REDIS_PASSWORD:\?.+\}@redis:6379$/);
      }
    }
    for (const role of ['coordinator', 'aggregator', 'evaluator']) {
      expect(service(role).environment).not.toHaveProperty('AUTH_SECRET');
    }
  });
});

describe('deploy/nginx.conf', () => {
  const conf = text('deploy/nginx.conf');

  test('passes websockets, streams both ways and finds new gateways', () => {
    expect(conf).toMatch(/proxy_set_header Upgrade \$http_upgrade;/);
    expect(conf).toMatch(/proxy_request_buffering off;/);
    expect(conf).toMatch(/proxy_buffering off;/);
    expect(conf).toMatch(/client_max_body_size 0;/);
    expect(conf).toMatch(/resolver 127\.0\.0\.11 valid=\d+s/);
    expect(conf).toContain(`set $gateway gateway:${service('gateway').environment['PORT']};`);
  });

  test('listens where the published port leads', () => {
    const inside = service('proxy').ports?.[0]?.split(':').at(-1);
    expect(conf).toContain(`listen ${inside};`);
  });
});

describe('Dockerfile', () => {
  const lines = text('Dockerfile').split('\n');
  const runtime = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));

  test('starts the command itself, as somebody who is not root', () => {
    expect(runtime).toContain(
      'ENTRYPOINT ["node", "--max-semi-space-size=4", "--heap-growing-percent=80", "bin/cloud-node.mjs"]',
    );
    expect(runtime.some((line) => /^USER [1-9]\d*:[1-9]\d*$/.test(line))).toBe(true);
    expect(runtime.filter((line) => line.startsWith('RUN '))).toEqual([]);
  });

  test('pins its base, and takes only production dependencies along', () => {
    for (const line of lines.filter((one) => one.startsWith('FROM '))) {
      expect(line).toMatch(/^FROM node:22-bookworm-slim( AS \w+)?$/);
    }
    expect(text('Dockerfile')).toMatch(/AS dependencies\n(?:.*\n)*?RUN npm ci --omit=dev/);
    expect(runtime).toContain('COPY --from=dependencies /app/node_modules node_modules');
  });

  test('is built from a list of what may go in', () => {
    const ignore = text('.dockerignore').split('\n');
    expect(ignore).toContain('*');
    for (const name of ['package.json', 'package-lock.json', 'bin', 'scripts', 'src', 'workers']) {
      expect(ignore).toContain(`!${name}`);
    }
  });
});
