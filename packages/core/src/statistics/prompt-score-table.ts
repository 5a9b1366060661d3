/** @file Scores of every prompt in memory, for scripts; a run keeps them in a file. */
import { AutoCircuitError } from '../errors/error.js';
import { scoreShape } from '../graph/build.js';
import type { Graph, PruneScores } from '../graph/types.js';
import type { PromptScoreSink, PromptScoreTable, PromptScoreTensors } from '../plugin/prompt-scores.js';
import { elementCount, floatTensor } from '../tensor/tensor.js';

/**
 * A table in float32 that is filled as scores come: 4 bytes for each prompt and edge.
 * @param prompts how many will come
 */
export function promptScoresInMemory(graph: Graph, prompts: number): PromptScoreTable & PromptScoreSink {
  const modules = graph.destinationBlocks.map((block) => {
    const shape = scoreShape(graph, block);
    const size = elementCount(shape);
    return { module: block.module, shape, size, data: new Float32Array(prompts * size) }; // data: [prompts, position?, head?, sources]
  });
  return Object.freeze({
    graph,
    prompts,
    keep(first: number, tensors: PromptScoreTensors) {
      for (const { module, size, data } of modules) {
        const given = tensors[module]!.data;
        if (first * size + given.length > data.length) throw tooMany(prompts, first + given.length / size);
        data.set(given, first * size);
      }
    },
    read(start: number, stop: number) {
      const tensors = modules.map(({ module, shape, size, data }) => {
        const rows = data.slice(start * size, stop * size);
        return [module, floatTensor(rows, [stop - start, ...shape])] as const;
      });
      return { tensors: Object.fromEntries(tensors) };
    },
  });
}

/** Scores for prompts that are not there. */
export const tooMany = (expected: number, got: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'contract-broken',
    where: 'run',
    what: 'an algorithm gave scores for more prompts than there are',
    expected: `${expected}`,
    got: `${got} or more`,
    kind: 'internal',
  });

/** The scores of one prompt of those that were read. */
export function scoresOfPrompt({ tensors }: { readonly tensors: PromptScoreTensors }, prompt: number): PruneScores {
  const own = Object.entries(tensors).map(([module, { shape, data }]) => {
    const [prompts, ...rest] = shape;
    const size = data.length / prompts!;
    return [module, floatTensor(data.slice(prompt * size, (prompt + 1) * size), rest)] as const; // [position?, head?, sources]
  });
  return Object.fromEntries(own);
}
