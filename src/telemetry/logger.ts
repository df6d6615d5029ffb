import { pino, type Logger } from 'pino';

export type { Logger };

/** Never in a log: secrets, tokens, and anything that could hold weights. */
const REDACTED = [
  'apiKey',
  'token',
  'authorization',
  'secret',
  'password',
  'weights',
  'bytes',
  '*.apiKey',
  '*.token',
  '*.authorization',
  '*.secret',
];

/** JSON lines on stderr; a message is a constant phrase, the data is in fields. */
export function createLogger(options: { level: string; role: string; nodeId: string }): Logger {
  return pino(
    {
      level: options.level,
      base: { role: options.role, nodeId: options.nodeId },
      redact: { paths: REDACTED, censor: '[redacted]' },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ fd: 2, sync: false }),
  );
}
