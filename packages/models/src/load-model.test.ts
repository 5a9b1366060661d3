/** @file Models from folders as they are found: logits of transformers 5.23 on the same files, and how long tables are. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import { buildGraph, inputOf, type ModelObject } from '@auto-circuit/core/plugin';
import { afterPrefix } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadModelSettings, loadModel } from './load-model.js';
import { errorWith } from './testing/error-matcher.js';

const testData = (path: string): string => fileURLToPath(new URL(`../test-data/${path}`, import.meta.url));
const backend = interpreterBackend({ precision: 'float64' });

let folder: string;
let warnings: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'load-model-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const load = async (name: string, settings: LoadModelSettings = {}): Promise<ModelObject> =>
  (await loadModel(name, { onWarning: (line) => warnings.push(line), ...settings })).model;

async function logitsOf(model: ModelObject, tokens: readonly number[]): Promise<Float32Array> {
  const patchable = await createPatchableModel({ model, graph: buildGraph(model.spec.layout), backend });
  const prompt = { index: 0, clean: tokens, corrupt: tokens, answers: [1], wrongAnswers: [2] };
  try {
    const { data } = await patchable.run(inputOf({ length: tokens.length, prompts: [prompt] }, 'clean'), 'last');
    return Float32Array.from(data);
  } finally {
    await patchable.dispose();
  }
}

/** The first of the prompts that the expected logits were taken on. */
// biome-ignore format: one line
const TOKENS = [82, 26, 92, 79, 66, 44, 60, 12, 97, 118, 161, 8, 78, 100, 20, 163, 119, 111, 31, 76, 125, 48, 195, 134, 125, 163, 50, 9, 11, 75, 19, 164, 146, 162, 133, 24, 150, 185, 28, 156];
/** Expected logits are written with four decimals; float32 there against float64 here adds less than 1e-5. */
const TOLERANCE = 0.5e-4 + 1e-5;

describe.each(['none', 'all'] as const)('logits with processing %s', (process) => {
  it('of int8 weights of bitsandbytes are those of the weights multiplied out', async () => {
    const model = await load(testData('checkpoints/bitsandbytes-int8'), { process });
    const logits = await logitsOf(model, TOKENS);
    const expected = { 64: 7.943, 69: 7.0092, 86: 6.3297 };
    expectDifferences(logits, expected, process);
    expect(warnings).toEqual([expect.stringContaining('bitsandbytes int8')]);
  });

  it('of a config that ties, beside an unembedding in the file, are those of the file', async () => {
    const model = await load(testData('checkpoints/tied-but-own-lm-head'), { process });
    expectDifferences(await logitsOf(model, TOKENS), { 64: 7.673, 69: 7.0739, 86: 6.1785 }, process);
    expect(warnings).toEqual([expect.stringMatching(/ties the unembedding .* but lm_head\.weight is another matrix/)]);
  });
});

/** The logits themselves, or what processing leaves of them: their differences. */
function expectDifferences(
  logits: Float32Array,
  expected: Readonly<Record<number, number>>,
  process: 'none' | 'all',
): void {
  const [first] = Object.entries(expected)[0]!;
  const shift = process === 'all' ? logits[Number(first)]! - expected[Number(first)]! : 0;
  for (const [token, value] of Object.entries(expected)) {
    expect(Math.abs(logits[Number(token)]! - shift - value)).toBeLessThan(2 * TOLERANCE);
  }
}

describe('rotary tables', () => {
  const mistral = testData('families/mistral');
  /** The same weights under a config with more positions. */
  function withPositions(positions: number): string {
    cpSync(mistral, folder, { recursive: true });
    const config = JSON.parse(readFileSync(join(mistral, 'config.json'), 'utf8'));
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, max_position_embeddings: positions }));
    return folder;
  }
  const tokens = [3, 1, 4, 1, 5, 9, 2, 6];

  it('are as long as they need be, and the logits the same', async () => {
    const plain = await load(mistral);
    const long = await load(withPositions(1_024_000));
    expect(plain.spec.tablePositions).toBeUndefined();
    expect(long.spec).toMatchObject({
      maxPositions: 1_024_000,
      tablePositions: 8192,
      parameters: plain.spec.parameters,
    });
    expect(long.weights.entry('rope.cos').shape[0]).toBe(8192);
    expect(await logitsOf(long, tokens)).toEqual(await logitsOf(plain, tokens));
  });

  it('that are too short for a prompt give a sentence; loading for more positions gives its logits', async () => {
    const path = withPositions(1_024_000);
    const short = await load(path, { positions: 5 });
    await expect(logitsOf(short, tokens)).rejects.toThrow(
      errorWith('prompt-too-long', { length: 8, limit: 5, model: path }),
    );
    await expect(logitsOf(short, tokens)).rejects.toThrow(/load it for more positions \(it has 1024000\)/);
    // what a shared prefix takes is taken off both limits
    expect(afterPrefix(short, 2).spec).toMatchObject({ maxPositions: 1_023_998, tablePositions: 3 });
    const fits = await load(path, { positions: 8 });
    expect(await logitsOf(fits, tokens)).toEqual(await logitsOf(await load(mistral), tokens));
    expect(new Set([short, fits, await load(path)].map(({ weights }) => weights.key)).size).toBe(3);
  });

  it('of long prompts are others with LongRoPE, and then a prefix cannot be run by itself', async () => {
    const path = testData('configs/microsoft--Phi-3-mini-128k-instruct'); // its original context are 4 tokens
    const [within, beyond] = [await load(path, { positions: 4 }), await load(path, { positions: 8 })];
    expect([within, beyond].map(({ spec }) => spec.takesPrefix)).toEqual([true, false]);
    expect(() => afterPrefix(beyond, 2)).toThrow(/cannot be run after a shared prefix/);
    // within the original context it makes no difference what the tables were made for
    const few = tokens.slice(0, 4);
    expect(await logitsOf(beyond, few)).toEqual(await logitsOf(within, few));
    const short = testData('configs/microsoft--Phi-3.5-mini-instruct'); // 8 tokens
    expect((await load(short, { positions: 8 })).spec.takesPrefix).toBe(true);
  });

  it('never exceed the positions of the model', async () => {
    const model = await load(withPositions(6), { positions: 1000 });
    expect(model.weights.entry('rope.sin').shape[0]).toBe(6);
    await expect(logitsOf(model, tokens)).rejects.toThrow(errorWith('prompt-too-long', { limit: 6 }));
  });
});

describe('only the shape of a folder', () => {
  it('is read from headers, and is that of the model', async () => {
    for (const name of ['families/gemma3', 'gpt2_2l2h_batches', 'checkpoints/bitsandbytes-int8']) {
      const [shape, whole] = [await load(testData(name), { shapeOnly: true }), await load(testData(name))];
      expect(shape.spec).toEqual(whole.spec);
      expect(shape.processing).toEqual(whole.processing);
      expect(() => shape.weights.read('embed.W')).toThrow(errorWith('weights-not-published'));
    }
  });
});
