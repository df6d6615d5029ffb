import type { Socket } from 'socket.io';
import type { WireError } from '../../protocol/errors.js';
import { PROTOCOL_VERSION } from '../../protocol/ids.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Credential } from '../auth/revocations.js';
import type { GatewayContext } from '../context.js';
import { toFailure } from '../service/failure.js';

type Ack = (answer: object) => void;

export interface Handling {
  readonly socket: Socket;
  readonly log: Logger;
  /** Told of every event that is refused. */
  readonly onRefused: (event: string, error: CloudNodeError, input: unknown) => void;
}

/** Handles an event; every outcome is acknowledged, and none ends the process. */
export function onEvent(
  { socket, log, onRefused }: Handling,
  event: string,
  run: (input: unknown) => Promise<object>,
): void {
  socket.on(event, (...args: unknown[]) => {
    const last = args.at(-1);
    const ack: Ack = typeof last === 'function' ? (last as Ack) : () => undefined;
    const input = typeof args[0] === 'function' ? undefined : args[0];
    const answer = async (): Promise<object> => ({ ok: true, ...(await run(input)) });
    answer()
      .catch((reason: unknown) => {
        const error = refusal(reason, { event, log });
        onRefused(event, error, input);
        return { ok: false, error: error.toWire() };
      })
      .then(ack)
      .catch((reason: unknown) => log.warn({ event, err: (reason as Error).message }, 'ack failed'));
  });
}

function refusal(reason: unknown, { event, log }: { event: string; log: Logger }): CloudNodeError {
  const error = toFailure(reason);
  if (error.code === 'internal') log.error({ event, err: error.cause }, 'event failed');
  else log.debug({ event, code: error.code, msgToClient: error.message }, 'event refused');
  return error;
}

/** A namespace middleware that lets in whom `admit` does not throw at; the error goes to the client's `connect_error`. */
export function admitWith(
  admit: (socket: Socket) => Promise<void>,
  onRefused: (socket: Socket, error: CloudNodeError) => void,
): (socket: Socket, next: (error?: Error & { data?: WireError }) => void) => void {
  return (socket, next) => {
    admit(socket).then(
      () => next(),
      (reason: unknown) => {
        const error = toFailure(reason);
        onRefused(socket, error);
        next(Object.assign(new Error(error.message), { data: error.toWire() }));
      },
    );
  };
}

/** The connection ends with the credential that opened it, and says why. */
export function endWith(ctx: GatewayContext, socket: Socket, credential: Credential): void {
  const release = ctx.revocations.hold(credential, (error) => {
    socket.emit('server:closing', { error: error.toWire() });
    socket.disconnect(true);
  });
  socket.once('disconnect', release);
}

/** @throws `unsupported_protocol` */
export function requireProtocol(version: number): void {
  if (version === PROTOCOL_VERSION) return;
  throw new CloudNodeError(
    'unsupported_protocol',
    `The client speaks protocol version ${version}; this pool speaks ${PROTOCOL_VERSION}.`,
  );
}

/** @throws `draining` */
export function requireOpen(draining: AbortSignal): void {
  if (draining.aborted) throw new CloudNodeError('draining', 'This gateway is going away.');
}
