import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgesByName } from '../../graph/edges.js';
import { microModel } from '../../testing/micro-model.js';
import { graphOf, largestDifference, patchedLogits } from '../../testing/patched-logits.js';
import { tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { inputFeeds } from '../exec/feeds.js';
import { INPUT, LOGITS, plainProgram } from '../programs/programs.js';

describe('the reference mode', () => {
  // one layer of two heads: B0.0 multiplies what it reads by (2, −1), B0.1 by (3, 5)
  const model = microModel([
    [
      [2, -1],
      [3, 5],
    ],
  ]);
  const prompt = { index: 0, clean: [[1, 2]], corrupt: [[4, -3]], answers: [0], wrongAnswers: [1] };
  const batch = { length: 1, prompts: [prompt] };
  const patched = (edge: string, inside: number): number[] => {
    const graph = graphOf(model);
    const mask = maskFromEdges(graph, edgesByName(graph, edge), { inside, outside: 0 });
    return [...patchedLogits({ model, graph, batch, mask })];
  };

  it('moves an edge by mask · (patch − current), and nothing else', () => {
    // clean: x = (1, 2), B0.0 = (2, −2), B0.1 = (3, 10), end (6, 10); corrupt: B0.0 = (8, 3), B0.1 = (12, −15)
    expect(patched('Resid Start->Resid End', 1)).toEqual([6 + 3, 10 - 5]);
    expect(patched('B0.0->Resid End', 0.5)).toEqual([6 + 3, 10 + 2.5]);
    // B0.1 reads (1, 2) + 0.5 · (3, −5) = (2.5, −0.5), and so writes (7.5, −2.5)
    expect(patched('Resid Start->B0.1', 0.5)).toEqual([1 + 2 + 7.5, 2 - 2 - 2.5]);
  });

  it('patches zeros by taking away what the source wrote', () => {
    const graph = graphOf(model);
    const mask = maskFromEdges(graph, edgesByName(graph, 'B0.1->Resid End'), { inside: 1, outside: 0 });
    expect([...patchedLogits({ model, graph, batch, mask, patch: 'zero' })]).toEqual([3, 0]);
  });

  it('is the model under an empty mask, and the other run under a full one', () => {
    const tiny = tinyTransformer();
    const prompts = tinyPrompts();
    for (const options of [{}, { positions: 3 }, { factorized: false }]) {
      const graph = graphOf(tiny, options);
      for (const [side, outside] of [
        ['clean', 0],
        ['corrupt', 1],
      ] as const) {
        const mask = maskFromEdges(graph, [], { inside: 0, outside });
        const program = plainProgram({ model: tiny, graph }, 'last');
        const plain = interpret(program, inputFeeds(INPUT, tiny.spec, prompts, side, [0, 2]), tiny.weights)[LOGITS]!;
        expect(largestDifference(patchedLogits({ model: tiny, graph, batch: prompts, mask }), plain.data)).toBeLessThan(
          1e-12,
        );
      }
    }
  });
});
