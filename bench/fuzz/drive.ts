import { ERRORS, type ErrorCode } from '../../src/protocol/errors.js';
import type { Dice } from './dice.js';
import type { Findings } from './findings.js';
import { makeHttpInput } from './http-input.js';
import { HttpLine } from './http-line.js';
import { HTTP_TARGETS, type HttpTarget } from './http-targets.js';
import { SocketLine, type SocketOutcome } from './socket-line.js';
import { makeBrokenInput, makeSocketInput, SOCKET_TARGETS, type SocketTarget } from './socket-targets.js';
import { PROTOCOL_VERSION } from '../../src/protocol/ids.js';
import { LIBRARIES, type World } from './world.js';

export interface DriveOptions {
  readonly urls: readonly string[];
  readonly world: World;
  readonly dice: Dice;
  readonly findings: Findings;
  /** No answer for so long is a hang. */
  readonly withinMs: number;
  /** Connections of each kind. */
  readonly httpLines: number;
  readonly socketLines: number;
}

const WHEEL = HTTP_TARGETS.flatMap((target) => Array<HttpTarget>(target.weight).fill(target));
/** Messages that are under way on one socket at once. */
const IN_FLIGHT = 4;
/** The converter of Keras files gives a broken one up after 60 s, one at a time. */
const CONVERT_MS = 150_000;
const BROKEN_SHARE = 0.3;

/** Sends until told to stop. */
export async function drive(options: DriveOptions, isOver: () => boolean): Promise<void> {
  const { urls, httpLines, socketLines } = options;
  const urlOf = (i: number): string => urls[i % urls.length] ?? '';
  const due = [...HTTP_TARGETS];
  await Promise.all([
    ...Array.from({ length: httpLines }, (_, i) => driveHttp(options, { url: urlOf(i), due }, isOver)),
    ...Array.from({ length: socketLines }, (_, i) =>
      driveSocket(options, { url: urlOf(i), index: i }, isOver),
    ),
  ]);
}

/** `due`: what comes first, once; then by weight. So a short run on a busy machine meets every route too. */
async function driveHttp(
  options: DriveOptions,
  { url, due }: { url: string; due: HttpTarget[] },
  isOver: () => boolean,
): Promise<void> {
  const { world, dice, findings, withinMs } = options;
  const lines = { quick: new HttpLine(url, withinMs), converting: new HttpLine(url, CONVERT_MS) };
  while (!isOver()) {
    const target = due.pop() ?? dice.pick(WHEEL);
    const input = makeHttpInput(target, world, dice);
    const seen = findings.sent(target.route, { schema: target.schema, mutation: input.mutation });
    const show = (): string => `${input.mutation}: ${Buffer.from(input.bytes).toString('latin1')}`;
    const line = target.route.includes('?format=') ? lines.converting : lines.quick;
    const end = !input.isWhole && dice.chance(0.7);
    const outcome = await line.send(input.bytes, { whole: input.isWhole, end });
    if (outcome === 'hang') findings.hung(show);
    else if (outcome === 'closed') findings.closed(input.isWhole, show);
    else {
      const json = parseJson(outcome.body);
      const code =
        (json?.['error'] as { code?: string } | undefined)?.code ?? codeOfHead(input.bytes, outcome.status);
      findings.answered(seen, { status: outcome.status, code }, show);
      if (outcome.status < 300 && json !== null) target.learn?.(world, json, input.libraryId);
    }
  }
  lines.quick.close();
  lines.converting.close();
}

/** The answer to HEAD has no body that says it: a limit of the converters is the only one with this status. */
function codeOfHead(bytes: Uint8Array, status: number): string {
  const isHead = Buffer.from(bytes.subarray(0, 5)).toString('latin1') === 'HEAD ';
  return isHead && status === 503 ? 'gateway_busy' : '';
}

function parseJson(body: Buffer | null): Record<string, unknown> | null {
  if (body?.[0] !== 0x7b) return null;
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    return null;
  }
}

async function driveSocket(
  { world, dice, findings, withinMs }: DriveOptions,
  { url, index }: { url: string; index: number },
  isOver: () => boolean,
): Promise<void> {
  const namespace = (['/library', '/explora', '/dashboard'] as const)[index % 3] ?? '/library';
  const targets = SOCKET_TARGETS.filter((target) => target.namespace === namespace);
  // One connection each: a second one of the same Library would end the first.
  const libraryId = `f-${Math.floor(index / 3) % LIBRARIES}`;
  const line = new SocketLine(url, namespace, {
    withinMs,
    auth: () => authOf(world, { namespace, libraryId, dice }),
  });
  while (!isOver()) {
    if (!line.isOpen) {
      const schema = namespace === '/library' ? 'libraryAuth' : 'tokenAuth';
      const seen = findings.sent(`${namespace} connect`, { schema, mutation: 'credentials' });
      const isOpen = await line.open();
      seen[isOpen ? 'accepted' : 'refused']++;
      if (!isOpen) continue;
    }
    // What is broken goes alone: whatever is under way beside it may end with it.
    const isBroken = dice.chance(BROKEN_SHARE);
    const make = isBroken ? makeBrokenInput : makeSocketInput;
    await Promise.all(
      Array.from({ length: isBroken ? 1 : IN_FLIGHT }, async () => {
        const target = dice.pick<SocketTarget>(targets);
        const input = make(target, world, { dice, libraryId });
        const name = `${namespace} ${target.event}`;
        const seen = findings.sent(name, { schema: target.schema, mutation: input.mutation });
        const show = (): string =>
          `${name} ${input.mutation}: ${input.packet.text} after ${line.before.slice(0, 150)}`;
        judge(await line.send(input.packet), { findings, seen, show });
      }),
    );
  }
  line.close();
}

function judge(
  outcome: SocketOutcome,
  { findings, seen, show }: { findings: Findings; seen: ReturnType<Findings['sent']>; show: () => string },
): void {
  if (outcome === 'hang') return findings.hung(show);
  if (outcome === 'closed') return findings.closed(false, show);
  if (outcome === 'sent') return;
  const { ok, error } = (outcome.ack ?? {}) as { ok?: boolean; error?: { code?: string } };
  const code = ok === true ? '' : (error?.code ?? 'internal');
  findings.answered(seen, { status: ok === true ? 200 : statusOf(code), code }, show);
}

/** Now and then wrong ones: whoever is refused comes again. */
function authOf(
  world: World,
  { namespace, libraryId, dice }: { namespace: string; libraryId: string; dice: Dice },
): unknown {
  const { apiKey, explora, dashboard, bad } = world.credentials;
  const isBad = dice.chance(0.2);
  if (namespace === '/library')
    return { apiKey: isBad ? dice.pick(bad) : apiKey, libraryId, protocolVersion: PROTOCOL_VERSION };
  const token = namespace === '/explora' ? explora : dashboard;
  return { token: isBad ? dice.pick(bad) : token, protocolVersion: PROTOCOL_VERSION };
}

function statusOf(code: string): number {
  return code in ERRORS ? ERRORS[code as ErrorCode].status : 500;
}
