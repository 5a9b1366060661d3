/** @file The known circuit of a compiled program: enough, and nothing in it needless. */
import {
  buildGraph,
  createPatchableModel,
  DEFAULT_GRAPH_OPTIONS,
  edgeAt,
  type Graph,
  interpreterBackend,
  maskFromEdges,
  type PatchDescription,
  type Prompt,
  type PromptBatch,
} from '@auto-circuit/core';
import { describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import type { CompiledProgram } from './compile.js';
import { circuitOfProgram, type KnownUnder } from './known-circuit.js';
import { COMPILED_PROGRAMS, modelOfProgram } from './named-programs.js';

/** Every sequence of this length as a clean prompt, each with another as the corrupt one, which differs in the first token. */
function everySequence({ vocabulary, bosId }: CompiledProgram, length: number): PromptBatch {
  const count = vocabulary.length ** length;
  const ids = (n: number): number[] => [
    bosId,
    ...Array.from({ length }, (_, i) => Math.floor(n / vocabulary.length ** i) % vocabulary.length),
  ];
  const prompts = Array.from({ length: count }, (_, index): Prompt => {
    const corrupt = ids((index * 7 + 1) % count); // 7 shares no divisor with 3 or 4: each sequence once
    return { index, clean: ids(index), corrupt, answers: [], wrongAnswers: [] };
  });
  return { prompts, length: length + 1 };
}

const PATCHES: Readonly<Record<KnownUnder, PatchDescription>> = {
  zero: { kind: 'zero' },
  resample: { kind: 'resample', from: 'corrupt' },
};

/**
 * How far outputs are from the whole model's (BOS apart): with every edge outside the circuit patched, on all prompts, and
 * with one more edge patched, on every seventh, for each edge of the circuit.
 */
async function differences(
  program: CompiledProgram,
  graph: Graph,
  under: KnownUnder,
  lengths: readonly number[],
): Promise<{ readonly enough: number; readonly needless: readonly string[] }> {
  const model = modelOfProgram('compiled', program);
  const patchable = await createPatchableModel({
    model,
    graph,
    backend: interpreterBackend({ precision: 'float32' }),
  });
  const all = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
  const circuit = circuitOfProgram(program, graph, under);
  const lacking = circuit.map(() => 0);
  let enough = 0;
  for (const length of lengths) {
    const batch = everySequence(program, length);
    const some = {
      ...batch,
      prompts: batch.prompts.filter(({ index }) => batch.prompts.length < 50 || index % 7 === 3),
    };
    const run = async (edges: readonly number[], on: PromptBatch): Promise<Float32Array> => {
      const mask = maskFromEdges(graph, edges, { inside: 0, outside: 1 });
      return (await patchable.patchedRun(on, { input: 'clean', patch: PATCHES[under], mask })).data;
    };
    enough = Math.max(enough, furthest(await run(circuit, batch), await run(all, batch)));
    const whole = await run(all, some);
    for (const [c, edge] of circuit.entries()) {
      const outputs = await run(
        circuit.filter((other) => other !== edge),
        some,
      );
      lacking[c] = Math.max(lacking[c]!, furthest(outputs, whole));
    }
  }
  await patchable.dispose();
  return { enough, needless: circuit.filter((_, c) => lacking[c]! < NOTICED).map((edge) => edgeAt(graph, edge).name) };
}
const furthest = (a: Float32Array, b: Float32Array): number =>
  a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0);

/** Outputs are shares of 5 or one-hot: what an edge changes is seldom below 1/5, and a mean of six instead of five is by 1/30. */
const NOTICED = 0.02;
/** Sums of at most 36 terms of size 1 in float32, through four layers; scores near 100 move a softmax of e^−100 nowhere. */
const ROUNDING = 1e-5;

describe.each(Object.keys(COMPILED_PROGRAMS))('the known circuit of %s', (name) => {
  const program = COMPILED_PROGRAMS[name]!.program();
  const { layout } = modelOfProgram(name, program).spec;
  const unders: KnownUnder[] = ['zero', 'resample'];

  it.each(unders)('with token positions, under %s: it is enough, and every edge of it is needed', async (under) => {
    const graph = buildGraph(layout, { ...DEFAULT_GRAPH_OPTIONS, positions: 6 });
    const { enough, needless } = await differences(program, graph, under, [5]);
    expect(enough).toBeLessThan(ROUNDING);
    expect(needless).toEqual([]);
  });

  it.each(unders)('without positions, under %s, at every length: the same', async (under) => {
    const { enough, needless } = await differences(program, buildGraph(layout), under, [1, 2, 3, 4, 5]);
    expect(enough).toBeLessThan(ROUNDING);
    expect(needless).toEqual([]);
  });

  it('with joint inputs is the same circuit with Q, K and V taken together', async () => {
    const graph = buildGraph(layout, { ...DEFAULT_GRAPH_OPTIONS, splitQkv: false });
    const { enough, needless } = await differences(program, graph, 'zero', [4]);
    expect(enough).toBeLessThan(ROUNDING);
    expect(needless).toEqual([]);
  });

  it('is refused for the residual graph', () => {
    expect(() =>
      circuitOfProgram(program, buildGraph(layout, { ...DEFAULT_GRAPH_OPTIONS, factorized: false }), 'zero'),
    ).toThrow(errorWith('unsupported-graph'));
  });
});

describe('the circuits by name', () => {
  const names = (program: string, under: KnownUnder): string[] => {
    const compiled = COMPILED_PROGRAMS[program]!.program();
    const graph = buildGraph(modelOfProgram(program, compiled).spec.layout);
    return circuitOfProgram(compiled, graph, under).map((edge) => edgeAt(graph, edge).name);
  };
  it('under resample are AutoCircuit’s', () => {
    expect(names('tracr-reverse', 'resample')).toEqual(['Resid Start->A3.0.V', 'A3.0->Resid End']);
    expect(names('tracr-xproportion', 'resample')).toEqual(['Resid Start->MLP 0', 'MLP 0->A1.0.V', 'A1.0->Resid End']);
  });
  it('under zero hold the whole computation', () => {
    expect(names('tracr-reverse', 'zero')).toEqual([
      'Resid Start->A0.0.V',
      'A0.0->MLP 0',
      'Resid Start->MLP 1',
      'MLP 0->MLP 1',
      'MLP 1->MLP 2',
      'MLP 2->A3.0.Q',
      'Resid Start->A3.0.K',
      'Resid Start->A3.0.V',
      'A3.0->Resid End',
    ]);
    expect(names('tracr-xproportion', 'zero')).toHaveLength(5);
  });
});
