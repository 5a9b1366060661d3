/** @file Asks a Python that has Hugging Face transformers what it makes of a model folder, in a process of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { z } from 'zod';

/** What transformers is asked. */
export interface TransformersRequest {
  /** A Hugging Face folder. */
  readonly folder: string;
  /** Prompts; logits are of their last position. */
  readonly tokens: readonly (readonly number[])[];
  readonly texts: readonly string[];
  /** In float64 where the model can be. */
  readonly double: boolean;
}
/** What it answers. */
export interface TransformersAnswer {
  readonly versions: string;
  readonly dtype: string;
  /** [prompts, vocabulary]; null where no prompts were given. */
  readonly logits: Float32Array | null;
  readonly ids: readonly (readonly number[])[] | null;
}
/** Why there is no answer, in words that end a sentence. */
export interface NoAnswer {
  readonly reason: string;
}

const SCRIPT = fileURLToPath(new URL('../../python/transformers-answers.py', import.meta.url));
/** Names under which Python is looked for where none is given. */
const USUAL = ['python3', 'python'];

const answerSchema = z.union([
  z.object({ failed: z.string() }),
  z.object({
    versions: z.string(),
    dtype: z.string(),
    logits: z.string().nullable(),
    ids: z.array(z.array(z.number().int())).nullable(),
  }),
]);

/** How it is asked. */
export interface AskSettings {
  /** The Python to ask; undefined: one of the usual names, and no error where it has no transformers. */
  readonly python: string | undefined;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The answer of transformers, or why there is none.
 * @throws AutoCircuitError `runtime-missing` when a Python was named that is not there or has no transformers
 */
export async function askTransformers(
  request: TransformersRequest,
  settings: AskSettings,
): Promise<TransformersAnswer | NoAnswer> {
  const { python } = settings;
  let reason = '';
  for (const name of python === undefined ? USUAL : [python]) {
    const answer = await askOne(name, request, settings);
    if (!('missing' in answer)) return answer;
    reason ||= answer.missing;
  }
  if (python === undefined) return { reason };
  throw new AutoCircuitError({
    code: 'runtime-missing',
    where: 'validate',
    what: `this Python cannot be asked: ${reason}`,
    expected: 'a Python with torch and transformers',
    got: python,
    fix: 'pip install torch transformers, or name another',
    fields: { package: 'transformers' },
  });
}

async function askOne(
  python: string,
  request: TransformersRequest,
  settings: AskSettings,
): Promise<TransformersAnswer | NoAnswer | { readonly missing: string }> {
  const ended = await runScript(python, JSON.stringify(request), settings);
  if ('missing' in ended) return ended;
  if ('reason' in ended) return ended;
  const parsed = answerSchema.safeParse(parsedJson(ended.stdout));
  if (!parsed.success) return { reason: `${python} ended with code ${ended.code}: ${lastLine(ended.stderr)}` };
  const answer = parsed.data;
  if ('failed' in answer) {
    const missing = /^ModuleNotFoundError: No module named '([^']+)'/.exec(answer.failed);
    if (missing) return { missing: `${python} has no ${missing[1]}` };
    return { reason: `transformers says: ${answer.failed.split('\n')[0]}` };
  }
  const { logits, ...rest } = answer;
  return { ...rest, logits: logits === null ? null : floatsOf(logits) };
}

function floatsOf(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64')); // at offset 0 of a buffer of its own
  return new Float32Array(bytes.buffer);
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runScript(
  python: string,
  input: string,
  { timeoutSeconds: seconds, signal, env }: AskSettings,
): Promise<Ended | NoAnswer | { readonly missing: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [SCRIPT], { stdio: ['pipe', 'pipe', 'pipe'], env });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text;
      });
    let late = false;
    const stop = (): void => {
      child.kill('SIGKILL');
      for (const stream of child.stdio) stream?.destroy(); // a process that it has started may hold them open
    };
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, 1000 * seconds);
    signal.addEventListener('abort', stop, { once: true });
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      finish();
      resolve({
        missing: error.code === 'ENOENT' ? `there is no ${python}` : `${python} does not start (${error.code})`,
      });
    });
    child.on('close', (code) => {
      finish();
      if (signal.aborted) reject(signal.reason as Error);
      else if (late) resolve({ reason: `transformers did not answer within ${seconds} s` });
      else resolve({ code, ...texts });
    });
    child.stdin.on('error', () => undefined); // it ended before it read all: its exit code says more
    child.stdin.end(input);
  });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) || 'it wrote nothing';
