/** @file Compiled models: they compute their programs, and what tracr’s own models compute. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  batchesOf,
  buildGraph,
  createPatchableModel,
  edgeAt,
  interpreterBackend,
  type ModelObject,
  maskFromEdges,
  openSafetensors,
  type PatchDescription,
} from '@auto-circuit/core';
import type { MemoryWeight } from '@auto-circuit/core/backend';
import { intTensor } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { compile } from './compile.js';
import { circuitOfProgram, type KnownUnder } from './known-circuit.js';
import { COMPILED_PROGRAMS, modelOfProgram } from './named-programs.js';
import * as rasp from './rasp.js';
import { tracrModel } from './tracr-weights.js';

/** A model that tracr itself compiled, with its outputs on all inputs. */
interface GoldenTracr {
  readonly model: ModelObject;
  /** `ids` begin with BOS; `expected` has one value for each token after it. */
  readonly rows: readonly {
    readonly tokens: readonly rasp.Value[];
    readonly ids: readonly number[];
    readonly expected: readonly rasp.Value[];
  }[];
}

function goldenTracr(name: 'reverse' | 'xproportion'): GoldenTracr {
  const unzipped = (file: string): Buffer =>
    gunzipSync(readFileSync(new URL(`../../test-data/tracr/${name}.${file}.gz`, import.meta.url)));
  const rows = JSON.parse(unzipped('expected.json').toString()) as [rasp.Value[], number[], rasp.Value[]][];
  return {
    model: tracrModel(name, JSON.parse(unzipped('config.json').toString()), tensorsOf(unzipped('safetensors'))),
    rows: rows.map(([tokens, ids, expected]) => ({ tokens, ids, expected })),
  };
}

function tensorsOf(bytes: Buffer): Record<string, MemoryWeight> {
  const folder = mkdtempSync(join(tmpdir(), 'tracr-'));
  try {
    const path = join(folder, 'model.safetensors');
    writeFileSync(path, bytes);
    const file = openSafetensors(path);
    const tensors = [...file.tensors].map(
      ([name, { shape }]) => [name, { shape, data: file.read(name) as Float32Array }] as const,
    );
    return Object.fromEntries(tensors);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const GOLDEN = { 'tracr-reverse': 'reverse', 'tracr-xproportion': 'xproportion' } as const;
type Name = keyof typeof GOLDEN;
const NAMES = Object.keys(GOLDEN) as Name[];

/** Outputs at all tokens behind BOS, for prompts of any lengths: [prompts][tokens][outputs]. */
async function outputsOf(model: ModelObject, prompts: readonly (readonly number[])[]): Promise<number[][][]> {
  const patchable = await createPatchableModel({
    model,
    graph: buildGraph(model.spec.layout),
    backend: interpreterBackend({ precision: 'float32' }),
  });
  const out: number[][][] = [];
  const asPrompts = prompts.map((ids, index) => ({ index, clean: ids, corrupt: ids, answers: [], wrongAnswers: [] }));
  for (const { prompts: batch, length } of batchesOf(asPrompts, prompts.length)) {
    const tokens = intTensor(
      batch.flatMap(({ clean }) => clean as number[]),
      [batch.length, length],
    );
    const { data } = await patchable.run(tokens, 'all'); // [prompts, pos, outputs]
    const size = patchable.outputSize;
    batch.forEach(({ index }, i) => {
      out[index] = Array.from({ length: length - 1 }, (_, p) => {
        const start = (i * length + p + 1) * size;
        return Array.from(data.subarray(start, start + size));
      });
    });
  }
  await patchable.dispose();
  return out;
}
const highest = (row: readonly number[]): number => row.indexOf(Math.max(...row));

describe.each(NAMES)('%s', (name) => {
  const golden = goldenTracr(GOLDEN[name]);
  const program = COMPILED_PROGRAMS[name]!.program();

  it('gives the outputs of tracr’s model on all inputs', async () => {
    // Other names of the same tokens: tracr’s reverse was compiled for 0, 1, 2.
    const shift = name === 'tracr-reverse' ? 1 : 0;
    const renamed = (token: rasp.Value): rasp.Value => (typeof token === 'number' ? token + shift : token);
    const sequences = golden.rows.map(({ tokens }) => tokens.map(renamed));
    const prompts = sequences.map((tokens) => [program.bosId, ...tokens.map((t) => program.vocabulary.indexOf(t))]);
    const outputs = await outputsOf(modelOfProgram(name, program), prompts);
    expect(outputs).toHaveLength(name === 'tracr-reverse' ? 363 : 1364);
    outputs.forEach((rows, i) => {
      const { expected } = golden.rows[i]!;
      if (name === 'tracr-reverse') {
        expect(rows.map((row) => program.vocabulary[highest(row)])).toEqual(expected.map(renamed));
        // One-hot, not only highest: softmax and steps round by a few 2^−24.
        for (const row of rows) expect(Math.max(...row)).toBeCloseTo(1, 5);
      } else {
        rows.forEach(([share], p) => expect(share).toBeCloseTo(Number(expected[p]), 6));
      }
      expect(expected.map(renamed)).toEqual(rasp.evaluate(program.expression, sequences[i]!));
    });
  });

  it('reads tracr’s own weights, with the same outputs: the architecture is theirs', async () => {
    const outputs = await outputsOf(
      golden.model,
      golden.rows.map(({ ids }) => ids),
    );
    outputs.forEach((rows, i) => {
      const { expected } = golden.rows[i]!;
      if (name === 'tracr-reverse') expect(rows.map(highest)).toEqual(expected);
      else rows.forEach(([share], p) => expect(share).toBeCloseTo(Number(expected[p]), 3)); // its own tolerance
    });
  });

  it('has as many layers and heads as tracr’s', () => {
    const theirs = golden.model.spec.layout;
    const ours = modelOfProgram(name, program).spec.layout;
    expect({ ...ours, dModel: 0 }).toEqual({ ...theirs, dModel: 0 });
    expect(ours.dModel).toBeLessThan(theirs.dModel);
  });
});

/** Edges that change some output by more than rounding when they alone are patched, on every 13th prompt of five tokens. */
async function edgesThatMatter({ model, rows }: GoldenTracr, patch: PatchDescription): Promise<string[]> {
  const graph = buildGraph(model.spec.layout);
  const patchable = await createPatchableModel({ model, graph, backend: interpreterBackend({ precision: 'float32' }) });
  const longest = rows.filter(({ ids }) => ids.length === 6);
  const prompts = longest
    .filter((_, i) => i % 13 === 3)
    .map(({ ids }, index) => {
      const corrupt = longest[(index * 29 + 17) % longest.length]!.ids;
      return { index, clean: ids, corrupt, answers: [], wrongAnswers: [] };
    });
  const run = async (edges: readonly number[]): Promise<Float32Array> => {
    const mask = maskFromEdges(graph, edges, { inside: 1, outside: 0 });
    return (await patchable.patchedRun({ prompts, length: 6 }, { input: 'clean', patch, mask })).data;
  };
  const clean = await run([]);
  const found: string[] = [];
  for (let edge = 0; edge < graph.edgeCount; edge++) {
    const outputs = await run([edge]);
    if (outputs.some((x, i) => Math.abs(x - clean[i]!) > 1e-3)) found.push(edgeAt(graph, edge).name);
  }
  await patchable.dispose();
  return found;
}

describe('the circuits of tracr’s own weights', () => {
  const ours = (name: Name, under: KnownUnder): string[] => {
    const program = COMPILED_PROGRAMS[name]!.program();
    const graph = buildGraph(modelOfProgram(name, program).spec.layout);
    return circuitOfProgram(program, graph, under).map((edge) => edgeAt(graph, edge).name);
  };

  it.each(NAMES)('under resample are ours: %s', async (name) => {
    const theirs = await edgesThatMatter(goldenTracr(GOLDEN[name]), { kind: 'resample', from: 'corrupt' });
    expect(theirs).toEqual(ours(name, 'resample'));
  });

  it('under zero are ours, but for how reverse finds the length: 0 is read as the longest, and the MLP reads a constant', async () => {
    expect(await edgesThatMatter(goldenTracr('xproportion'), { kind: 'zero' })).toEqual(
      ours('tracr-xproportion', 'zero'),
    );
    const lengthOfOurs = ['Resid Start->A0.0.V', 'A0.0->MLP 0'];
    const theirs = await edgesThatMatter(goldenTracr('reverse'), { kind: 'zero' });
    const rest = ours('tracr-reverse', 'zero').filter((edge) => !lengthOfOurs.includes(edge));
    expect(theirs.toSorted()).toEqual(['Resid Start->MLP 0', ...rest].toSorted());
  });
});

describe('compile', () => {
  it('writes nothing where nothing is read: every MLP gives 0 for a residual of 0', () => {
    for (const name of NAMES) {
      const { shape, weights } = COMPILED_PROGRAMS[name]!.program();
      for (let l = 0; l < shape.layers; l++) {
        const bias = weights[`L${l}.mlp.in.b`]!.data;
        const out = weights[`L${l}.mlp.out.W`]!.data; // [dMlp, dModel]
        for (let d = 0; d < shape.dModel; d++) {
          let sum = 0;
          for (let n = 0; n < shape.dMlp; n++) sum += Math.max(0, bias[n]!) * out[n * shape.dModel + d]!;
          expect(sum).toBe(0);
        }
      }
    }
  });

  it('puts two operations of one layer side by side: two heads, and neurons of two maps', async () => {
    const tokens = rasp.tokensOf(['a', 'b']);
    const here = rasp.indices(3);
    const first = rasp.aggregate(
      'first',
      rasp.select(here, here, (k) => k === 0),
      tokens,
    );
    const second = rasp.aggregate(
      'second',
      rasp.select(here, here, (k) => k === 1),
      tokens,
    );
    const both = rasp.combine('both', first, second, (a, b) => `${a}${b}`);
    const program = compile(both, tokens, 3);
    expect(program.shape).toMatchObject({ layers: 1, heads: 2, outputs: 4 });
    const [rows] = await outputsOf(modelOfProgram('pairs', program), [[2, 1, 0, 1]]);
    for (const row of rows!)
      expect(row.map(Math.round)).toEqual(['aa', 'ab', 'ba', 'bb'].map((v) => (v === 'ba' ? 1 : 0)));
    expect(rasp.evaluate(both, ['b', 'a', 'b'])).toEqual(['ba', 'ba', 'ba']);
  });

  it('refuses two expressions of one name, and evaluation refuses what has no meaning', () => {
    const tokens = rasp.tokensOf(['a', 'b']);
    const twice = rasp.map('tokens', tokens, (t) => t);
    expect(() => compile(twice, tokens, 3)).toThrow(errorWith('invalid-program', { program: 'tokens' }));
    const never = rasp.aggregate(
      'never',
      rasp.select(tokens, tokens, () => false),
      tokens,
    );
    expect(() => rasp.evaluate(never, ['a'])).toThrow(errorWith('invalid-program', { program: 'never' }));
    const mixed = rasp.aggregate(
      'mixed',
      rasp.select(tokens, tokens, () => true),
      tokens,
    );
    expect(() => rasp.evaluate(mixed, ['a', 'b'])).toThrow(errorWith('invalid-program', { program: 'mixed' }));
  });
});
