/**
 * @file How the hub is talked to: its address and token, requests that wait for a busy hub, answers of limited size and time.
 * The token goes to the hub's own origin alone; `fetch` drops it where a redirect leads elsewhere.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import pRetry from 'p-retry';

export const WHERE = 'hub';
/** How often a busy hub is asked again. */
const RETRIES = 4;
/** A hub that asks to come back later than this is not waited for. */
const LONGEST_WAIT_SECONDS = 120;
/** Too many requests; out of order for a while. */
const BUSY: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/** A repository on the hub, and how to talk to it. */
export interface HubConnection {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly repo: string;
  readonly signal: AbortSignal | undefined;
  /** How long the hub may be silent. */
  readonly patienceMs: number;
  /** The first wait before a busy hub is asked again; each further one is twice as long. */
  readonly retryMs: number;
  readonly onProgress: (file: string, done: number, total: number | undefined) => void;
  readonly onWarning: (line: string) => void;
}

/** The hub does not answer, or not now: a cached copy may still serve. */
export class HubAway extends AutoCircuitError {}

const unreachable = (url: string, reason: string, cause: unknown): HubAway =>
  new HubAway({
    code: 'hub-unreachable',
    fields: { url },
    where: WHERE,
    what: `${new URL(url).origin} cannot be reached (${reason})`,
    fix: 'check the network and HF_ENDPOINT, or name a folder on disk',
    cause,
  });

const busy = (url: string, status: number, seconds: number | undefined): HubAway =>
  new HubAway({
    code: 'hub-busy',
    fields: { url, status, ...(seconds === undefined ? {} : { retryAfter: seconds }) },
    where: WHERE,
    what: `${new URL(url).origin} answers with status ${status} (${status === 429 ? 'too many requests' : 'out of order'})`,
    fix: `${seconds === undefined ? 'try again later' : `try again in ${seconds} s, as it asks`}${status === 429 ? '; a token (HF_TOKEN) allows more requests' : ''}`,
  });

/** A busy hub's answer; never leaves this file. */
class Busy extends Error {
  readonly status: number;
  /** After which it asks to come back. */
  readonly seconds: number | undefined;
  constructor(status: number, seconds: number | undefined) {
    super(`status ${status}`);
    this.status = status;
    this.seconds = seconds;
  }
}

/**
 * A request to the hub. A busy hub is asked again, after the time that it asks for, which is said.
 * @returns the answer, refusals included; its body is not read yet
 * @throws HubAway where none comes, or the hub stays busy
 */
export async function request(hub: HubConnection, url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await pRetry(() => requestOnce(hub, url, init), {
      retries: RETRIES,
      minTimeout: hub.retryMs,
      ...(hub.signal ? { signal: hub.signal } : {}),
      shouldRetry: ({ error }) => error instanceof Busy,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (!(error instanceof Busy) || retriesLeft === 0) return;
        const { seconds = 0 } = error;
        if (seconds > LONGEST_WAIT_SECONDS) throw busy(url, error.status, seconds);
        const { what } = busy(url, error.status, error.seconds).parts;
        hub.onWarning(`[${WHERE}] ${what}; trying again${seconds > 0 ? ` in ${seconds} s` : ''}`);
        await wait(1000 * seconds, undefined, hub.signal ? { signal: hub.signal } : {});
      },
    });
  } catch (error) {
    throw error instanceof Busy ? busy(url, error.status, error.seconds) : error;
  }
}

async function requestOnce(hub: HubConnection, url: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  if (hub.token && new URL(url).origin === new URL(hub.endpoint).origin) {
    headers.set('authorization', `Bearer ${hub.token}`);
  }
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), hub.patienceMs);
  const signal = AbortSignal.any(hub.signal ? [hub.signal, silence.signal] : [silence.signal]);
  let answer: Response;
  try {
    answer = await fetch(url, { ...init, headers, signal });
  } catch (cause) {
    if (hub.signal?.aborted) throw cause;
    if (silence.signal.aborted) throw unreachable(url, `no answer in ${hub.patienceMs / 1000} s`, cause);
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw unreachable(url, reason, cause);
  } finally {
    clearTimeout(timer);
  }
  if (!BUSY.has(answer.status)) return answer;
  await answer.body?.cancel().catch(() => undefined);
  throw new Busy(answer.status, secondsOf(answer.headers.get('retry-after')));
}

/** Of `Retry-After`: seconds, or a date. undefined for neither. */
function secondsOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

/** The error for an answer that refuses; undefined for one that does not. */
export function refusal(hub: HubConnection, status: number, url: string, what: string): AutoCircuitError | undefined {
  if (status < 400) return undefined;
  const reasons: Readonly<Record<number, { readonly what: string; readonly fix: string }>> = {
    401: hub.token
      ? { what: 'the hub does not accept the token', fix: 'check HF_TOKEN' }
      : { what: 'it does not exist, or is private and no token was given', fix: 'check the name, or set HF_TOKEN' },
    403: { what: 'access is restricted', fix: `ask for access at ${hub.endpoint}/${hub.repo}, and set HF_TOKEN` },
    404: { what: 'the hub does not know it', fix: 'check the name and the revision' },
  };
  const reason = reasons[status] ?? { what: `the hub answers with status ${status}`, fix: 'try again later' };
  return new AutoCircuitError({
    code: 'hub-refused',
    fields: { url, status, model: hub.repo },
    where: WHERE,
    what: `cannot get ${what}: ${reason.what}`,
    fix: reason.fix,
  });
}

/**
 * A whole body as text.
 * @throws HubAway when it does not end in time, AutoCircuitError when it is longer than `most` bytes
 */
export async function limitedText(hub: HubConnection, answer: Response, most: number, what: string): Promise<string> {
  const reader = answer.body?.getReader();
  if (!reader) return '';
  const url = answer.url || hub.endpoint;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader.cancel().catch(() => undefined);
  }, hub.patienceMs);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) throw unreachable(url, `${what} did not end in ${hub.patienceMs / 1000} s`, undefined);
      if (done) return Buffer.concat(chunks).toString('utf8');
      bytes += value.length;
      if (bytes > most) {
        throw new AutoCircuitError({
          code: 'hub-refused',
          fields: { url, model: hub.repo },
          where: WHERE,
          what: `${what} of ${hub.repo} is longer than any`,
          expected: `at most ${most} bytes`,
          fix: 'check HF_ENDPOINT',
        });
      }
      chunks.push(value);
    }
  } catch (cause) {
    if (cause instanceof AutoCircuitError || hub.signal?.aborted) throw cause;
    throw unreachable(url, 'the connection broke', cause);
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}

/** The hub's address from the settings or the environment. @throws AutoCircuitError for what is no address, or holds a password */
export function hubEndpoint(given: string | undefined): string {
  const endpoint = (given ?? (process.env.HF_ENDPOINT || 'https://huggingface.co')).replace(/\/+$/, '');
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const wrong = (what: string, fix?: string): AutoCircuitError =>
    new AutoCircuitError({
      code: 'invalid-option',
      // what is wrong may be a secret
      fields: { option: 'endpoint' },
      where: WHERE,
      what,
      expected: 'an address like https://huggingface.co',
      ...(fix === undefined ? {} : { fix }),
    });
  if (!url || !/^https?:$/.test(url.protocol)) throw wrong('HF_ENDPOINT is no address');
  if (url.username || url.password || url.search || url.hash) {
    throw wrong('HF_ENDPOINT holds more than an address, which is not sent', 'give a token in HF_TOKEN');
  }
  return endpoint;
}

/** HF_TOKEN, else the file that `hf auth login` wrote. @throws AutoCircuitError, without the text, for what is no token */
export function tokenFromEnvironment(): string | undefined {
  const { HF_TOKEN, HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME } = process.env;
  if (HF_TOKEN) return checkedToken(HF_TOKEN, 'HF_TOKEN');
  const path =
    HF_TOKEN_PATH || join(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface'), 'token');
  return existsSync(path) ? checkedToken(readFileSync(path, 'utf8'), path) : undefined;
}

/** @param source what the sentence calls it @throws AutoCircuitError, which does not hold the text */
export function checkedToken(text: string, source: string): string | undefined {
  const token = text.trim();
  if (token === '') return undefined;
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'token', path: source },
    where: WHERE,
    what: `${source} holds no token`,
    expected: 'one line of letters, digits and signs, such as hf_…',
    got: /\s/.test(token) ? 'several words or lines' : 'other characters',
    fix: 'copy it again from the hub’s settings',
  });
}
