import { FRAME_CONTENT_TYPE } from '../../src/protocol/frame.js';
import type { Dice } from './dice.js';
import { bodyBytes, pathValue, type HttpTarget } from './http-targets.js';
import { mutateBytes, mutateValue, NASTY_TEXTS } from './mutate.js';
import type { World } from './world.js';

/** One request, as bytes. */
export interface HttpInput {
  readonly target: HttpTarget;
  readonly libraryId: string;
  readonly bytes: Uint8Array;
  /** What was changed; empty: it is valid. */
  readonly mutation: string;
  /** Whether the bytes are one whole request, so that there must be one whole answer. */
  readonly isWhole: boolean;
}

interface Draft {
  method: string;
  path: string;
  headers: [string, string][];
  body: Uint8Array;
  isWhole: boolean;
}

type Mutation = (draft: Draft, dice: Dice) => void;

const HEADER_MUTATIONS: Readonly<Record<string, Mutation>> = {
  'no header': ({ headers }, dice) => void headers.splice(dice.below(headers.length), 1),
  'header twice': ({ headers }, dice) => void headers.push(dice.pick(headers)),
  'odd header': ({ headers }, dice) =>
    void headers.push([dice.pick(ODD_HEADERS), clean(dice.pick([...NASTY_TEXTS, ...ODD_VALUES]))]),
  'header of bytes': (draft, dice) => {
    draft.headers.push(['X-Request-Id', dice.pick(NASTY_TEXTS)]);
    draft.isWhole = false;
  },
  'many headers': ({ headers }, dice) => {
    for (let i = dice.pick([50, 500]); i > 0; i--) headers.push([`X-${i}`, 'x'.repeat(40)]);
  },
  'wrong length': (draft, dice) => {
    const lie = dice.pick([
      '0',
      '1',
      '-1',
      '99999999999',
      '1e3',
      '0x10',
      '',
      '5, 5',
      String(draft.body.length + 7),
    ]);
    draft.headers = draft.headers.map(([name, value]) => [name, name === 'Content-Length' ? lie : value]);
    draft.isWhole = false;
  },
  smuggling: (draft, dice) => {
    draft.headers.push([
      'Transfer-Encoding',
      dice.pick(['chunked', 'chunked, identity', 'xchunked', ' chunked']),
    ]);
    draft.isWhole = false;
  },
  'chunked body': (draft) => {
    draft.headers = draft.headers.filter(([name]) => name !== 'Content-Length');
    draft.headers.push(['Transfer-Encoding', 'chunked']);
    const size = Buffer.from(`${draft.body.length.toString(16)}\r\n`);
    const end = Buffer.from(draft.body.length === 0 ? '\r\n' : '\r\n0\r\n\r\n');
    draft.body = Buffer.concat([size, draft.body, end]);
  },
};
const ODD_HEADERS = [
  'Range',
  'If-Range',
  'If-None-Match',
  'Last-Event-ID',
  'Library-Id',
  'Authorization',
  'Content-Encoding',
  'Content-Type',
  'X-Forwarded-For',
  'X-HTTP-Method-Override',
  'Origin',
  'Cookie',
  'Accept-Encoding',
];
const ODD_VALUES = [
  'bytes=0-1',
  'bytes=5-',
  'bytes=-3',
  'bytes=9-2',
  'bytes=0-0,2-3',
  'gzip',
  'identity',
  '0-0',
  'Bearer x',
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'BREW'];

/** As Node's own clients would let pass: one line, no control characters. */
function clean(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '');
}

export function makeHttpInput(target: HttpTarget, world: World, dice: Dice): HttpInput {
  const libraryId = world.library(dice);
  const mutate = dice.chance(0.85);
  const kind = mutate
    ? dice.pick(['body', 'body', 'bytes', 'path', 'headers', 'headers', 'credentials', 'method'])
    : '';
  let value = target.body?.(world, dice, libraryId);
  if (kind === 'body' && value !== undefined)
    value = value instanceof Uint8Array ? mutateBytes(value, dice) : mutateValue(value, dice);
  let body = bodyBytes(target, value, target.payload?.(world, dice) ?? null);
  if (kind === 'bytes' && body.length > 0) body = mutateBytes(body, dice);
  const [method = 'GET', template = '/'] = target.route.split(' ');
  const path = template.replace(/:(\w+)/g, (_, part: string) => {
    const own = pathValue(target, part, { world, dice, libraryId });
    return kind === 'path' && dice.chance(0.7) ? dice.pick(pathJunk(own)) : own;
  });
  const draft: Draft = {
    method: kind === 'method' ? dice.pick(METHODS) : method,
    path: kind === 'path' && dice.chance(0.3) ? path + dice.pick(SUFFIXES) : path,
    headers: headersOf(target, { world, dice, libraryId, isBad: kind === 'credentials' }),
    body,
    isWhole: true,
  };
  if (body.length > 0 || method !== 'GET') draft.headers.push(['Content-Length', String(body.length)]);
  let name = kind;
  if (kind === 'headers') {
    name = dice.pick(Object.keys(HEADER_MUTATIONS));
    HEADER_MUTATIONS[name]?.(draft, dice);
    const lengthGone = name === 'no header' && !draft.headers.some(([header]) => header === 'Content-Length');
    if (lengthGone && body.length > 0) draft.isWhole = false;
  }
  if (/[^\x21-\x7e]/.test(draft.path)) draft.isWhole = false;
  return { target, libraryId, mutation: name, isWhole: draft.isWhole, bytes: wire(draft) };
}

function pathJunk(own: string): string[] {
  const texts = NASTY_TEXTS.map((text) => encodeURI(text.replace(/[\ud800-\udfff]/g, 'x')));
  return [
    ...texts,
    `${own}%2f..`,
    `${own}%00`,
    `%2e%2e%2f${own}`,
    '%',
    '%zz',
    '%ff%fe',
    `${own};x=1`,
    `//${own}`,
    own.toUpperCase(),
  ];
}
const SUFFIXES = [
  '/',
  '//',
  '/..',
  '?',
  '?encoding=f16',
  '?encoding=x',
  '?__proto__[a]=1',
  '?a[b][c]=1&a=2',
  '#x',
  '?%',
  '?encoding=f32&encoding=f16',
];

function headersOf(
  { as, payload }: HttpTarget,
  { world, dice, libraryId, isBad }: { world: World; dice: Dice; libraryId: string; isBad: boolean },
): [string, string][] {
  const { credentials } = world;
  const headers: [string, string][] = [['Host', 'pool']];
  if (as !== 'nobody' || isBad) {
    const token = isBad || as === 'nobody' ? dice.pick(credentials.bad) : credentials[as];
    headers.push(['Authorization', `Bearer ${token}`]);
  }
  if (as === 'apiKey') headers.push(['Library-Id', libraryId]);
  headers.push(['Content-Type', payload === undefined ? 'application/json' : FRAME_CONTENT_TYPE]);
  return headers;
}

function wire({ method, path, headers, body }: Draft): Uint8Array {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines}\r\n`), body]);
}
