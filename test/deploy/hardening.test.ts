import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { appliedResources, composeServices, text, workloads } from './files.js';

/** Every value below, with the path that leads to it. */
function leaves(value: unknown, at = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[at, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${at}.${key}`));
}

/** What would give a process more than it needs, by the end of its path; whatever its value is. */
const FORBIDDEN =
  /\.(cap_add|devices|privileged|network_mode|pid|ipc|userns_mode|hostNetwork|hostPID|hostIPC|hostPath|hostPort|procMount)(\.|$)|\.capabilities\.add\b/;
const mounts = (paths: [string, unknown][]): unknown[] =>
  paths.filter(([at]) => /\.volumes\.\d+$/.test(at)).map(([, value]) => value);
const SHELL = /(^|\/)(ba|da|a|z)?sh$/;

const compose = leaves(parse(text('docker-compose.yml'), { merge: true }));
const applied = appliedResources().map((one) => [`${one.kind} ${one.metadata.name}`, one] as const);

describe('nothing in the deployments has more than it needs', () => {
  test('docker-compose.yml adds no capability, device, host network or socket of Docker', () => {
    expect(compose.filter(([at]) => FORBIDDEN.test(at))).toEqual([]);
    expect(mounts(compose)).toEqual(['redis-data:/data', './deploy/nginx.conf:/etc/nginx/nginx.conf:ro']);
  });

  test.each(applied)('%s adds none either', (_, resource) => {
    expect(leaves(resource).filter(([at]) => FORBIDDEN.test(at))).toEqual([]);
  });

  test('and this would be seen', () => {
    for (const bad of [
      { services: { a: { cap_add: ['NET_ADMIN'] } } },
      { spec: { hostNetwork: true } },
      { containers: [{ securityContext: { capabilities: { drop: ['ALL'], add: ['SYS_TIME'] } } }] },
      { containers: [{ securityContext: { privileged: true } }] },
      { volumes: [{ hostPath: { path: '/' } }] },
    ])
      expect(leaves(bad).filter(([at]) => FORBIDDEN.test(at))).not.toEqual([]);
  });
});

describe('nobody is root', () => {
  test('in compose: by the image, or by a number', () => {
    expect(text('Dockerfile')).toMatch(/^USER 1000:1000$/m);
    const users = Object.fromEntries(compose.filter(([at]) => at.endsWith('.user')));
    // What runs our image has no user of its own there: it could only take that of the image away.
    expect(users).toEqual({ '.services.redis.user': '999:999', '.services.proxy.user': '101:101' });
  });

  test('and nobody may become it', () => {
    // The schemas of files.ts refuse a service or a pod without; this says which they are.
    expect(Object.keys(composeServices()).length).toBeGreaterThanOrEqual(6);
    expect(Object.keys(workloads()).length).toBeGreaterThanOrEqual(5);
  });
});

describe('no shell is needed', () => {
  test('by the image', () => {
    const dockerfile = text('Dockerfile');
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node", /m);
    expect(dockerfile).not.toMatch(/^(SHELL|HEALTHCHECK|CMD|ADD|VOLUME)\b/m);
  });

  test('but by Redis, to keep its password out of its arguments', () => {
    const shells = (all: [string, unknown][]): string[] =>
      all.filter(([, value]) => typeof value === 'string' && SHELL.test(value)).map(([at]) => at);
    expect(shells(compose)).toEqual(['.services.redis.command.0']);
    for (const [name, resource] of applied) {
      const found = shells(leaves(resource));
      expect([name, found.length]).toEqual([name, name === 'StatefulSet cloud-node-redis' ? 1 : 0]);
    }
    // `CMD-SHELL` is a shell as well.
    expect(compose.filter(([, value]) => value === 'CMD-SHELL')).toEqual([]);
  });
});
