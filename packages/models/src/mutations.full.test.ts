/** @file Mutations of configs, tokenizers and answers of the hub: right, or a sentence, never long and never large. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RandomSource } from '@auto-circuit/core/plugin';
import { mutatedJson, mutatedText, mutationRounds, readMutations } from '@auto-circuit/core/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { FAMILY_DATA } from './families/folder-models.js';
import { resolveModel } from './hub/resolve-model.js';
import { loadModel } from './load-model.js';
import { COMMIT, gitHash, type Handler, type MadeHub, makeHub } from './testing/made-hub.js';
import { loadTokenizer } from './tokenizer/tokenizer.js';

const rounds = mutationRounds();
const data = fileURLToPath(new URL('../test-data/', import.meta.url));
const shipped = fileURLToPath(new URL('../shipped-data/ioi-mini/', import.meta.url));

let root: string;
beforeAll(() => {
  // In memory where that is possible: every file is synced.
  root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mutations-'));
  vi.stubEnv('AUTO_CIRCUIT_CACHE', join(root, 'cache'));
  vi.spyOn(console, 'warn').mockImplementation(() => undefined); // the library of tokenizers
});
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

/** Sizes, settings and numbers of a model, as one hash. */
async function numbersOf(folder: string): Promise<string> {
  const { model } = await loadModel(folder);
  const hash = createHash('sha256').update(JSON.stringify([model.spec, model.processing]));
  for (const name of model.weights.names) {
    const numbers = model.weights.read(name);
    hash.update(name).update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  }
  return hash.digest('hex');
}

/** Keys of configs that say nothing about numbers; what a mutation does to them changes none. */
const SILENT =
  /^(architectures|transformers_version|dtype|torch_dtype|use_cache|.*dropout|.*_pdrop|.*drop|initializer_.*|(bos|eos|pad)_token_id|_name_or_path|summary_.*|extra|.*x|pretraining_tp|output_.*|return_dict|chunk_.*|id2label|label2id|problem_type|is_.*|gradient_checkpointing|reorder_.*)$/;

describe('mutations', () => {
  const models = {
    gpt2: `${data}attnonly_2l3h`,
    ...families('llama', 'gemma2', 'falcon-7b', 'gptneo', 'phi3', 'mistral'),
  };

  it.each(Object.entries(models))(`of config.json of %s, ${rounds} in all`, async (name, source) => {
    const folder = join(root, name);
    cpSync(source, folder, { recursive: true });
    const text = readFileSync(join(folder, 'config.json'), 'utf8');
    const right = await numbersOf(folder);
    const original = JSON.parse(text) as Record<string, unknown>;
    const report = await readMutations(
      { rounds: Math.ceil(rounds / Object.keys(models).length), seed: 1 },
      async (random) => {
        const mutated = mutatedJson(text, random);
        writeFileSync(join(folder, 'config.json'), mutated);
        const found = await numbersOf(folder);
        if (found === right) return undefined;
        const changed = JSON.parse(mutated) as Record<string, unknown>;
        const keys = [...new Set([...Object.keys(changed), ...Object.keys(original)])];
        const other = keys.filter((key) => JSON.stringify(changed[key]) !== JSON.stringify(original[key]));
        return other.every((key) => SILENT.test(key)) ? `other numbers by ${other.join(', ')}` : undefined;
      },
    );
    console.log('config.json of', name, report);
    expect(report.refused).toBeGreaterThan(0);
  });

  it(`of tokenizer.json, ${rounds} of each of three`, { timeout: 60_000 + 60 * rounds }, async () => {
    for (const [seed, source] of [
      shipped,
      `${data}gpt2_text/`,
      `${data}tokenizers/${readdirSync(`${data}tokenizers`)[0]}/`,
    ].entries()) {
      const folder = join(root, `tokenizer-${seed}`);
      cpSync(source, folder, { recursive: true });
      const text = smaller(readFileSync(join(source, 'tokenizer.json'), 'utf8'));
      const report = await readMutations({ rounds, seed: 20 + seed }, (random) => {
        writeFileSync(join(folder, 'tokenizer.json'), mutatedJson(text, random));
        const tokenizer = loadTokenizer(folder);
        for (const words of [
          'When Mary and John went',
          '  12 \u00e9\u{1f600}\n',
          '',
          'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!',
        ]) {
          const ids = tokenizer.encode(words, { bos: false });
          const wrong = ids.find((id) => !Number.isInteger(id) || id < 0);
          if (wrong !== undefined) return `the id ${wrong}`;
          if (typeof tokenizer.decode(ids.filter((id) => id < tokenizer.size)) !== 'string') return 'no text';
        }
        return undefined;
      });
      console.log('tokenizer.json', report);
      expect(report.refused).toBeGreaterThan(0);
    }
  });
});

const families = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `${FAMILY_DATA}${name}`]));

/** With fewer words, so that a mutation is likely to be elsewhere too. */
function smaller(text: string): string {
  const json = JSON.parse(text) as { model: { vocab: unknown; merges?: unknown[] } };
  const { vocab, merges } = json.model;
  if (Array.isArray(vocab)) json.model.vocab = vocab.slice(0, 300);
  else json.model.vocab = Object.fromEntries(Object.entries(vocab as object).slice(0, 300));
  const known = new Set(Object.keys(json.model.vocab as object));
  if (merges)
    json.model.merges = merges.filter((pair) => known.has([pair].flat().join('').replace(' ', ''))).slice(0, 100);
  return JSON.stringify(json);
}

describe('mutations of what the hub answers', () => {
  let hub: MadeHub;
  beforeEach(async () => {
    // What is in them is not looked at.
    const files = ['config.json', 'model.safetensors', 'tokenizer.json'].map(
      (name) => [name, readFileSync(join(shipped, name)).subarray(0, 20_000)] as const,
    );
    hub = await makeHub(Object.fromEntries(files));
  });
  afterEach(() => hub.close());

  it(`${rounds}: the files as they are, or a sentence`, { timeout: 60_000 + 200 * rounds }, async () => {
    const report = await readMutations({ rounds, seed: 30 }, async (random, round) => {
      const cacheDir = join(root, `hub-${round}`);
      Object.assign(hub, hub.whole);
      const kind = (['list', 'head', 'get'] as const)[random.below(3)]!;
      hub[kind] = mutated(hub.whole[kind], random, hub);
      try {
        const settings = {
          cacheDir,
          endpoint: hub.endpoint,
          patienceMs: 50,
          retryMs: 1,
          token: 'hf_secret',
          offline: false,
        };
        const folder = await resolveModel('org/model', settings);
        const wrong = readdirSync(folder).find((name) => !readFileSync(join(folder, name)).equals(hub.files[name]!));
        if (wrong !== undefined) return `${wrong} has another content`;
        if (hub.log.some((line) => line.startsWith('other') && line.endsWith('TOKEN')))
          return 'the token went elsewhere';
        return undefined;
      } finally {
        hub.log.length = 0;
        rmSync(cacheDir, { recursive: true, force: true });
      }
    });
    console.log('hub', report);
    expect(report.read).toBeGreaterThan(0);
    expect(report.refused).toBeGreaterThan(rounds / 10);
  });
});

/** One thing about the answers of a handler is another: status, headers, the body's text, its length, its end. */
function mutated(handler: Handler, random: RandomSource, hub: MadeHub): Handler {
  const pick = <T>(...from: T[]): T => from[random.below(from.length)]!;
  const kind = random.below(6);
  const status = pick(200, 204, 206, 302, 307, 400, 401, 403, 404, 418, 429, 500, 503);
  const name = pick(
    'etag',
    'content-length',
    'location',
    'x-linked-etag',
    'x-linked-size',
    'content-range',
    'content-type',
    'content-encoding',
  );
  const value = pick(
    '',
    '"x"',
    '0',
    '-1',
    '1e9',
    String(2 ** 53),
    `"${gitHash(Buffer.from('other'))}"`,
    `"${'a'.repeat(64)}"`,
    '../../x',
    `${hub.other}/x`,
    `//${new URL(hub.other).host}/x`,
    '/\\x',
    'gzip',
    'bytes 5-9/10',
    COMMIT,
  );
  const seed = random.uint32();
  return (request, response) => {
    const whole = response.end.bind(response);
    const head = response.writeHead.bind(response) as (
      code: number,
      headers?: Record<string, unknown>,
    ) => ServerResponse;
    response.writeHead = ((code: number, headers: Record<string, unknown> = {}) => {
      const others = kind === 1 ? { [name]: value } : kind >= 2 ? { 'content-length': undefined } : {};
      const given = Object.entries({ ...headers, ...others }).filter(([, v]) => v !== undefined);
      return head(kind === 0 ? status : code, Object.fromEntries(given));
    }) as typeof response.writeHead;
    response.end = ((body: Buffer | string = '') => {
      const bytes = Buffer.from(body);
      if (kind < 2 || request.method === 'HEAD') return whole(bytes);
      if (kind === 2) return whole(bytes.subarray(0, seed % (bytes.length + 1)));
      if (kind === 3) return whole(Buffer.concat([bytes, bytes.subarray(0, 1 + (seed % 1000))]));
      if (kind === 4) {
        if (bytes.length > 0) bytes[seed % bytes.length]! ^= 1 + (seed % 255);
        return whole(bytes);
      }
      const text = bytes.toString('latin1');
      const isJson = handler === hub.whole.list;
      return whole(Buffer.from(isJson ? mutatedJson(text, random) : mutatedText(text, random), 'latin1'));
    }) as typeof response.end;
    handler(request, response);
  };
}
