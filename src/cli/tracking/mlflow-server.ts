import type * as z from 'zod';
import { CliError, EXIT } from '../errors.js';

type Env = Readonly<Record<string, string | undefined>>;

const ANSWER_WITHIN_MS = 30_000;
const MOST_SAID_CHARS = 200;

/** MLflow said no; `code` is its own, e.g. RESOURCE_DOES_NOT_EXIST. */
export class MlflowError extends CliError {
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(status >= 500 ? EXIT.unavailable : EXIT.refused, `MLflow refuses: ${message} (${code})`);
    this.name = 'MlflowError';
    this.code = code;
  }
}

/** The REST API of an MLflow tracking server, with the variables that MLflow's own clients read. */
export class MlflowServer {
  /** Without credentials, and with `/` at its end. */
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @throws CliError (usage) when `uri` is not the URL of a server */
  constructor(uri: string, env: Env) {
    if (!URL.canParse(uri) || !/^https?:/.test(uri)) {
      const shown = uri.replace(/\/\/.*@/, '//…@');
      throw new CliError(EXIT.usage, `"${shown}" is not the URL of an MLflow server.`, {
        advice:
          'For example: --mlflow http://127.0.0.1:5000, which `mlflow server` starts. ' +
          'What is in a file or a database, session.to_mlflow() of the Python package writes.',
      });
    }
    const url = new URL(uri.endsWith('/') ? uri : `${uri}/`);
    const { MLFLOW_TRACKING_USERNAME: username = '', MLFLOW_TRACKING_PASSWORD: password = '' } = env;
    const { MLFLOW_TRACKING_TOKEN: token = '' } = env;
    const inUrl = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    // In the order of MLflow's own client.
    const authorization =
      inUrl !== ':'
        ? basic(inUrl)
        : username !== '' && password !== ''
          ? basic(`${username}:${password}`)
          : token !== ''
            ? `Bearer ${token}`
            : undefined;
    this.#headers = {
      'content-type': 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
    };
    url.username = '';
    url.password = '';
    this.url = url.href;
  }

  /** @throws CliError, of which {@link MlflowError} is what MLflow itself refused */
  get<S extends z.ZodType>(
    path: string,
    query: Readonly<Record<string, string>>,
    schema: S,
  ): Promise<z.infer<S>> {
    return this.#send(`${path}?${new URLSearchParams(query).toString()}`, { method: 'GET' }, schema);
  }

  /** @throws as {@link get} */
  post<S extends z.ZodType>(path: string, body: unknown, schema: S): Promise<z.infer<S>> {
    return this.#send(path, { method: 'POST', body: JSON.stringify(body) }, schema);
  }

  async #send<S extends z.ZodType>(path: string, init: RequestInit, schema: S): Promise<z.infer<S>> {
    let status: number;
    let text: string;
    try {
      const response = await fetch(new URL(`api/2.0/mlflow/${path}`, this.url), {
        ...init,
        headers: this.#headers,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      ({ status } = response);
      text = await response.text();
    } catch (error) {
      throw new CliError(EXIT.unavailable, `No MLflow server answers at ${this.url}: ${reason(error)}`, {
        cause: error,
        advice: 'Does it run (`mlflow server`)? Is --mlflow, or MLFLOW_TRACKING_URI, right?',
      });
    }
    if (status === 401 || status === 403) {
      const said = text.trim().slice(0, MOST_SAID_CHARS);
      throw new CliError(EXIT.auth, `MLflow at ${this.url} does not let us in (HTTP ${status}): ${said}`, {
        advice: 'Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.',
      });
    }
    const answer = parseJson(text);
    const { error_code: code, message } = (answer ?? {}) as { error_code?: unknown; message?: unknown };
    if (typeof code === 'string') throw new MlflowError(status, code, String(message));
    if (status >= 500) throw new CliError(EXIT.unavailable, `MLflow at ${this.url} failed (HTTP ${status}).`);
    const parsed = schema.safeParse(answer);
    if (status === 200 && parsed.success) return parsed.data;
    throw new CliError(EXIT.refused, `What answers at ${this.url} is no MLflow server (HTTP ${status}).`, {
      advice: 'Is --mlflow, or MLFLOW_TRACKING_URI, right?',
    });
  }
}

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `fetch` hides why behind "fetch failed". */
function reason(error: unknown): string {
  const { cause, message } = error as Error & { readonly cause?: Partial<NodeJS.ErrnoException> };
  return cause?.code ?? cause?.message ?? message;
}
