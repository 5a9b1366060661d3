import {
  buildGraph,
  createPatchableModel,
  edgeAt,
  type Graph,
  interpreterBackend,
  maskFromEdges,
  type PatchDescription,
  type Prompt,
  type PromptBatch,
} from '@auto-circuit/core';
import { describe, expect, it } from 'vitest';
import { COMPILED_PROGRAMS, type CompiledProgram, circuitOfProgram, type KnownUnder, modelOfProgram } from './index.js';

/** Every sequence of this length as a clean prompt; the corrupt one is another, half of all sequences further on. */
function everySequence({ vocabulary, bosId }: CompiledProgram, length: number): PromptBatch {
  const count = vocabulary.length ** length;
  const ids = (n: number): number[] => [
    bosId,
    ...Array.from({ length }, (_, i) => Math.floor(n / vocabulary.length ** i) % vocabulary.length),
  ];
  // A step that shares no divisor with the number of sequences, so that all positions change in most of them.
  const prompts = Array.from({ length: count }, (_, index): Prompt => {
    const corrupt = ids((index * 5 + Math.floor(count / 2)) % count);
    return { index, clean: ids(index), corrupt, answers: [], wrongAnswers: [] };
  });
  return { prompts, length: length + 1 };
}

const PATCHES: Readonly<Record<KnownUnder, PatchDescription>> = {
  zero: { kind: 'zero' },
  resample: { kind: 'resample', from: 'corrupt' },
};

/** The largest difference at any token (BOS apart) between a run with every other edge patched and the whole model, by circuit. */
async function differences(
  program: CompiledProgram,
  graph: Graph,
  under: KnownUnder,
  lengths: readonly number[],
  circuits: readonly (readonly number[])[],
): Promise<number[]> {
  const model = modelOfProgram('compiled', program);
  const patchable = await createPatchableModel({
    model,
    graph,
    backend: interpreterBackend({ precision: 'float32' }),
    outputs: 'not-first',
  });
  const all = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
  const worst = circuits.map(() => 0);
  for (const length of lengths) {
    const batch = everySequence(program, length);
    const run = async (edges: readonly number[]): Promise<Float32Array> => {
      const mask = maskFromEdges(graph, edges, { inside: 0, outside: 1 });
      return (await patchable.patchedRun(batch, { input: 'clean', patch: PATCHES[under], mask })).data;
    };
    const whole = await run(all);
    for (const [c, edges] of circuits.entries()) {
      const outputs = await run(edges);
      outputs.forEach((x, i) => {
        worst[c] = Math.max(worst[c]!, Math.abs(x - whole[i]!));
      });
    }
  }
  await patchable.dispose();
  return worst;
}

const without = (edges: readonly number[]): number[][] => edges.map((edge) => edges.filter((other) => other !== edge));

/** Sums of at most 36 terms of size 1 in float32, through four layers; scores near 100 move a softmax of e^−100 nowhere. */
const ROUNDING = 1e-5;

describe.each(Object.keys(COMPILED_PROGRAMS))('the known circuit of %s', (name) => {
  const program = COMPILED_PROGRAMS[name]!.program();
  const { layout } = modelOfProgram(name, program).spec;
  const unders: KnownUnder[] = ['zero', 'resample'];

  it.each(unders)('with token positions, under %s: it is enough, and every edge of it is needed', async (under) => {
    const graph = buildGraph(layout, { positions: 6 });
    const circuit = circuitOfProgram(program, graph, under);
    const [enough, ...lacking] = await differences(program, graph, under, [5], [circuit, ...without(circuit)]);
    expect(enough).toBeLessThan(ROUNDING);
    const needless = circuit.filter((_, i) => lacking[i]! < 0.05).map((edge) => edgeAt(graph, edge).name);
    expect(needless).toEqual([]);
  });

  it.each(unders)('without positions, under %s, at every length: the same', async (under) => {
    const graph = buildGraph(layout);
    const circuit = circuitOfProgram(program, graph, under);
    const [enough, ...lacking] = await differences(
      program,
      graph,
      under,
      [1, 2, 3, 4, 5],
      [circuit, ...without(circuit)],
    );
    expect(enough).toBeLessThan(ROUNDING);
    expect(lacking.filter((difference) => difference < 0.05)).toEqual([]);
  });

  it('with joint inputs is the same circuit with Q, K and V taken together', async () => {
    const graph = buildGraph(layout, { splitQkv: false });
    const circuit = circuitOfProgram(program, graph, 'zero');
    const [enough, ...lacking] = await differences(program, graph, 'zero', [4], [circuit, ...without(circuit)]);
    expect(enough).toBeLessThan(ROUNDING);
    expect(lacking.filter((difference) => difference < 0.05)).toEqual([]);
  });

  it('is refused for the residual graph', () => {
    expect(() => circuitOfProgram(program, buildGraph(layout, { factorized: false }), 'zero')).toThrow(
      /residual graph/,
    );
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
