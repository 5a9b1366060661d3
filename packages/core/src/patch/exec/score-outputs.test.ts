import { describe, expect, it } from 'vitest';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { floatTensor } from '../../tensor/tensor.js';
import { microModel } from '../../testing/micro-model.js';
import { neuronOutputName } from '../modes/node-outputs.js';
import { scoreOutputName } from '../programs/programs.js';
import { neuronTensors, scoreTensors } from './score-outputs.js';

const { layout } = microModel([[[2, -1]]]).spec; // one layer, one head, two numbers

describe.each([null, 3])('outputs of micro-batches, positions %s', (positions) => {
  const graph = buildGraph(layout, { ...DEFAULT_GRAPH_OPTIONS, positions });
  const places = positions ?? 1;
  /** What a program gives for some prompts: every number says which prompt it is of. */
  const chunk = (name: string, width: number, ...prompts: number[]) => ({
    [name]: floatTensor(Float32Array.from(prompts.flatMap((prompt) => new Array<number>(width).fill(prompt))), [
      prompts.length,
      width,
    ]),
  });

  it('are one tensor for each destination module, prompts in order', () => {
    const chunks = [[0, 1], [2]].map((prompts) =>
      Object.assign(
        {},
        ...graph.destinationBlocks.map(({ module, heads, sources }) =>
          chunk(scoreOutputName(module), places * (heads ?? 1) * (sources.stop - sources.start), ...prompts),
        ),
      ),
    );
    const tensors = scoreTensors(graph, chunks, 3);
    expect(Object.keys(tensors)).toEqual(graph.destinationBlocks.map(({ module }) => module));
    const { shape, data } = Object.values(tensors).at(-1)!;
    expect(shape).toEqual([3, ...(positions === null ? [] : [positions]), 2]);
    expect([...data]).toEqual([0, 1, 2].flatMap((prompt) => new Array<number>(2 * places).fill(prompt)));
  });

  it('are one tensor for each source module where nodes have scores', () => {
    const chunks = [[0], [1, 2]].map((prompts) =>
      Object.assign(
        {},
        ...graph.sourceBlocks.map(({ module, start, stop }) =>
          chunk(neuronOutputName(module), places * (stop - start) * layout.dModel, ...prompts),
        ),
      ),
    );
    const [first] = Object.values(neuronTensors(graph, chunks, 3));
    expect(first!.shape).toEqual([3, ...(positions === null ? [] : [positions]), 1, 2]);
    expect([...first!.data]).toEqual([0, 1, 2].flatMap((prompt) => new Array<number>(2 * places).fill(prompt)));
  });
});
