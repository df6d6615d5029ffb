import type * as z from 'zod';
import { encodeFrame } from '../../src/protocol/frame.js';
import { jobRequest } from '../../src/protocol/job.js';
import * as library from '../../src/protocol/library.js';
import { cancelJob, followSession, sessionRef } from '../../src/protocol/socket.js';
import type { Dice } from './dice.js';
import { generator } from './from-schema.js';
import { mutateBytes, mutateValue, NASTY_TEXTS } from './mutate.js';
import type { Packet } from './socket-line.js';
import type { World } from './world.js';

export interface SocketTarget {
  readonly namespace: '/library' | '/explora' | '/dashboard';
  readonly event: string;
  readonly schema: string;
  body(world: World, dice: Dice, libraryId: string): unknown;
}

export interface SocketInput {
  readonly target: SocketTarget;
  readonly packet: Packet;
  readonly mutation: string;
}

const of =
  (schema: z.ZodType): SocketTarget['body'] =>
  (world, dice, libraryId) =>
    generate(schema, dice, world.known(dice, libraryId));

const generators = new Map<z.ZodType, ReturnType<typeof generator>>();
function generate(schema: z.ZodType, ...input: Parameters<ReturnType<typeof generator>>): unknown {
  const found = generators.get(schema) ?? generator(schema);
  generators.set(schema, found);
  return found(...input);
}

const onLibrary = (event: string, schema: string, body: SocketTarget['body']): SocketTarget => ({
  namespace: '/library',
  event,
  schema,
  body,
});
const onExplora = (event: string, schema: string, body: SocketTarget['body']): SocketTarget => ({
  ...onLibrary(event, schema, body),
  namespace: '/explora',
});
const onDashboard = (event: string, schema: string, body: SocketTarget['body']): SocketTarget => ({
  ...onLibrary(event, schema, body),
  namespace: '/dashboard',
});

export const SOCKET_TARGETS: readonly SocketTarget[] = [
  onLibrary('library:join', 'join', of(library.join)),
  onLibrary('assignment:get', 'getAssignment', of(library.getAssignment)),
  onLibrary('assignment:accept', 'acceptAssignment', of(library.acceptAssignment)),
  onLibrary('assignment:decline', 'declineAssignment', of(library.declineAssignment)),
  onLibrary('assignment:fail', 'failAssignment', of(library.failAssignment)),
  onLibrary('assignment:progress', 'reportProgress', of(library.reportProgress)),
  onLibrary('update:put', 'updateHeader', (world, dice, libraryId) => {
    const header = generate(library.updateHeader, dice, world.known(dice, libraryId)) as object;
    return encodeFrame({ ...header, numExamples: 1 }, world.weights(dice));
  }),
  onExplora('job:submit', 'submitJob', (world, dice) => ({
    repoId: world.repoId,
    job: {
      ...(generate(jobRequest, dice, world.known(dice)) as object),
      deadlines: { recruitMs: 1_000, roundMs: 3_000, maxRoundRetries: 1, pauseMs: 3_000 },
      termination: { maxRounds: 2 },
    },
  })),
  onExplora('session:get', 'sessionRef', of(sessionRef)),
  onExplora('session:pause', 'sessionRef', of(sessionRef)),
  onExplora('session:resume', 'sessionRef', of(sessionRef)),
  onExplora('session:cancel', 'cancelJob', of(cancelJob)),
  onExplora('session:follow', 'followSession', of(followSession)),
  onExplora('session:unfollow', 'sessionRef', of(sessionRef)),
  onDashboard('session:get', 'sessionRef', of(sessionRef)),
  onDashboard('session:follow', 'followSession', of(followSession)),
  onDashboard('session:unfollow', 'sessionRef', of(sessionRef)),
  // What changes something has no handler there: nothing answers.
];

interface Chance {
  readonly dice: Dice;
  readonly libraryId: string;
}

/** A message that must be acknowledged, whatever is in it. */
export function makeSocketInput(
  target: SocketTarget,
  world: World,
  { dice, libraryId }: Chance,
): SocketInput {
  const valid = target.body(world, dice, libraryId);
  const mutation = dice.chance(0.15) ? '' : dice.chance(0.85) ? 'value' : 'arguments';
  if (mutation === 'arguments') {
    const args = dice.pick([[], [valid, valid], [null, valid], [[valid]], ['x', {}, 1]]);
    return { target, mutation, packet: packetOf(target.namespace, [target.event, ...args]) };
  }
  const changed = (): unknown =>
    valid instanceof Uint8Array ? mutateBytes(valid, dice) : mutateValue(valid, dice);
  const value = mutation === '' ? valid : changed();
  return { target, mutation, packet: packetOf(target.namespace, [target.event, value]) };
}

/** Anything at all: the connection may end by it, or what follows on it. */
export function makeBrokenInput(
  target: SocketTarget,
  world: World,
  { dice, libraryId }: Chance,
): SocketInput {
  const value = target.body(world, dice, libraryId);
  if (dice.chance(0.3)) {
    const event = dice.pick([...NASTY_TEXTS, 'disconnect', 'connect', 'error', 'newListener']);
    const packet = { ...packetOf(target.namespace, [event, value]), wantsAck: false };
    return { target, mutation: 'event', packet };
  }
  const packet = breakPacket(packetOf(target.namespace, [target.event, value]), target, dice);
  return { target, mutation: 'packet', packet: { ...packet, wantsAck: false } };
}

function packetOf(namespace: string, args: readonly unknown[]): Packet {
  const attachments: Uint8Array[] = [];
  const json = JSON.stringify(args, (_, value: unknown) => {
    // Node's own toJSON of a Buffer has run before this.
    const bytes = isBufferJson(value) ? Buffer.from(value.data) : value;
    if (!(bytes instanceof Uint8Array)) return value;
    attachments.push(bytes);
    return { _placeholder: true, num: attachments.length - 1 };
  });
  const type = attachments.length === 0 ? '42' : `45${attachments.length}-`;
  return { text: `${type}${namespace},{id}${json}`, attachments, wantsAck: true };
}

function isBufferJson(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return (
    (value as { type?: unknown } | null)?.type === 'Buffer' &&
    Array.isArray((value as { data?: unknown }).data)
  );
}

/** Not a packet any more, or not that one. */
function breakPacket(
  { text, attachments }: Packet,
  { namespace }: SocketTarget,
  dice: Dice,
): Omit<Packet, 'wantsAck'> {
  const json = text.slice(text.indexOf('{id}') + 4);
  const placeholder = (num: unknown): string =>
    `["update:put",{"_placeholder":true,"num":${JSON.stringify(num)}}]`;
  const broken = dice.pick([
    Buffer.from(mutateBytes(Buffer.from(text), dice)).toString('utf8'),
    `42${namespace},${json}`,
    `42/nowhere,{id}${json}`,
    `42${namespace},99999999999999999999${json}`,
    `42${namespace},{id}${'['.repeat(50_000)}`,
    `451-${namespace},{id}${placeholder(1)}`,
    `451-${namespace},{id}${placeholder(-1)}`,
    `451-${namespace},{id}${placeholder('__proto__')}`,
    `4599999-${namespace},{id}${placeholder(0)}`,
    `45-1-${namespace},{id}${placeholder(0)}`,
    `450-${namespace},{id}${placeholder(0)}`,
    `43${namespace},0[{"ok":true}]`,
    `41${namespace},`,
    `40${namespace},{"token":"x"}`,
    `44${namespace},{"message":"x"}`,
    `49${namespace},`,
    '2',
    '3',
    '6',
    '1',
    '',
    '4',
    '5probe',
    'bAAAA',
  ]);
  return { text: broken, attachments: dice.chance(0.2) ? [new Uint8Array(8)] : attachments };
}
