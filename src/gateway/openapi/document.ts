import * as z from 'zod';
import { ROUTES, type Who } from '../auth/access.js';
import { ANSWERS } from '../../protocol/answers.js';
import { FRAME_CONTENT_TYPE } from '../../protocol/frame.js';
import { PROTOCOL_VERSION } from '../../protocol/ids.js';
import { PACKAGE_VERSION } from '../../telemetry/version.js';
import { OPERATIONS, QUERIES, type Operation, type Raw } from './operations.js';

type Json = Record<string, unknown>;

const CONTENT_TYPES: Readonly<Record<Raw, string>> = {
  text: 'text/plain',
  f32: 'application/octet-stream',
  events: 'text/event-stream',
  lines: 'application/x-ndjson',
  html: 'text/html',
};
const ERROR = {
  description: 'An error of docs/errors.md.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};
const LIBRARY_ID = {
  name: 'Library-Id',
  in: 'header',
  required: true,
  description: 'Your own id under the Repo of the key.',
  schema: { type: 'string', maxLength: 128 },
};

/** All routes in the form of OpenAPI 3.1, from the schemas that check what comes in and the types of what goes out. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [route, operation] of Object.entries(OPERATIONS)) {
    const [method = '', path = ''] = route.split(' ');
    const template = path.replace(/:(\w+)/g, '{$1}');
    paths[template] = { ...paths[template], [method.toLowerCase()]: describe(method, path, operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'cloud node pool',
      version: PACKAGE_VERSION,
      description: `Protocol version ${PROTOCOL_VERSION}. What does not fit here (frames, encodings, sockets) is in docs/protocol.md.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: ['Pool', 'Repos', 'Models', 'Sessions', 'Library', 'Health'].map((name) => ({ name })),
    paths,
    components: {
      schemas: answerSchemas(),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Explora and Dashboard.' },
        apiKey: { type: 'http', scheme: 'bearer', bearerFormat: 'cnk_…', description: 'Libraries.' },
      },
    },
  };
}

function describe(method: string, path: string, operation: Operation): Json {
  const credentials = credentialsOf(`${method} ${path}`);
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...(operation.query ?? []).map((name) => ({
      name,
      in: 'query',
      description: QUERIES[name].about,
      schema: QUERIES[name].schema,
    })),
    ...(credentials === 'apiKey' ? [LIBRARY_ID] : []),
  ];
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+(\w)/g, (_, first: string) => first.toUpperCase())}`,
    summary: operation.summary,
    tags: [tagOf(path)],
    security: credentials === null ? [] : [{ [credentials]: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(operation),
    responses: { [String(operation.status ?? 200)]: answerOf(operation), default: ERROR },
  };
}

function bodyOf({ json, frame, files }: Operation): Json {
  if (json !== undefined) {
    const schema = schemaOf(json.schema);
    return { requestBody: { content: { 'application/json': { schema, example: json.example } } } };
  }
  if (frame === undefined) return {};
  const content = {
    [FRAME_CONTENT_TYPE]: { schema: { 'x-frame-header': schemaOf(frame) } },
    ...filesOf(files, 'body'),
  };
  return { requestBody: { required: true, content } };
}

function answerOf({ answer, files }: Operation): Json {
  if (typeof answer === 'string') {
    const schema = { $ref: `#/components/schemas/${answer}` };
    return { description: answer, content: { 'application/json': { schema }, ...filesOf(files, 'answer') } };
  }
  const type = CONTENT_TYPES[answer.raw];
  // Each line, where they are lines.
  const schema = answer.raw === 'lines' ? { $ref: '#/components/schemas/AuditEntry' } : {};
  return { description: type, content: { [type]: { schema } } };
}

function filesOf(files: Operation['files'], of: 'body' | 'answer'): Json {
  const types = files?.of === of ? files.types : [];
  return Object.fromEntries(types.map((type) => [type, { schema: {} }]));
}

/** As it may be written: defaults left out. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

function answerSchemas(): Json {
  const all = Object.entries(ANSWERS).map(([name, schema]) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
    return [name, rest];
  });
  return Object.fromEntries(all) as Json;
}

function credentialsOf(route: string): 'token' | 'apiKey' | null {
  const who: Who | undefined = (ROUTES as Readonly<Record<string, Who>>)[route];
  if (who === undefined) throw new Error(`access.ts does not say who may use ${route}.`);
  return who === 'anyone' ? null : who === 'library' ? 'apiKey' : 'token';
}

function tagOf(path: string): string {
  if (path.startsWith('/v1/library/')) return 'Library';
  if (/\/(models|aliases|topologies|test-sets|evaluations)\b/.test(path)) return 'Models';
  if (/\/sessions\b/.test(path)) return 'Sessions';
  if (path.startsWith('/v1/repos')) return 'Repos';
  return ['/v1/pool', '/v1/audit', '/v1/revocations', '/v1/proof'].includes(path) ? 'Pool' : 'Health';
}
