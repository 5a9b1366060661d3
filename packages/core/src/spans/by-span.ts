/** @file From spans to token positions and back: masks are spread over the tokens of each span, and scores of these are added up. */
import { blockEdges } from '../graph/build.js';
import type { Graph, Mask } from '../graph/types.js';
import { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';

/** The span of each token, by prompt; one list where all have the same. */
export type SpanNumbers = readonly (readonly number[])[];

/**
 * A mask of spans [spans, …] (by item: [items, spans, …]) for the tokens of a batch: [length, …], or with an axis of items where
 * prompts or masks differ.
 */
export function maskOfTokens(graph: Graph, mask: Mask, numbers: SpanNumbers, prompts: number): Mask {
  const items = mask.perItem || numbers.length > 1 ? prompts : 1;
  const perItem = items > 1 || mask.perItem;
  const length = numbers[0]!.length;
  const tensors: Record<string, Tensor<FloatArray>> = {};
  for (const block of graph.destinationBlocks) {
    const { data, shape } = mask.tensors[block.module]!;
    const row = blockEdges(block); // edges of the block in one span
    const spans = graph.options.positions!;
    const out = new Float32Array(items * length * row);
    for (let item = 0; item < items; item++) {
      const own = numbers[numbers.length === 1 ? 0 : item]!;
      const from = mask.perItem ? item * spans * row : 0;
      for (const [pos, span] of own.entries()) {
        const at = from + span * row;
        out.set(data.subarray(at, at + row), (item * length + pos) * row);
      }
    }
    const rest = shape.slice(mask.perItem ? 2 : 1);
    tensors[block.module] = floatTensor<FloatArray>(out, [...(perItem ? [items] : []), length, ...rest]);
  }
  return { perItem, tensors };
}

/** What becomes of the numbers of a span's tokens. */
export type SpanTotal = 'sum' | 'mean';

/** [prompts, length, …] → [prompts, spans, …]; 0 for a span that a prompt does not have. */
export function bySpan(
  tensors: Readonly<Record<string, Tensor<Float32Array>>>,
  spans: number,
  numbers: SpanNumbers,
  total: SpanTotal,
): Readonly<Record<string, Tensor<Float32Array>>> {
  const added = Object.entries(tensors).map(([name, { data, shape }]) => {
    const [prompts = 0, length = 0] = shape;
    const row = data.length / (prompts * length);
    const out = new Float64Array(prompts * spans * row);
    for (let prompt = 0; prompt < prompts; prompt++) {
      const own = numbers[numbers.length === 1 ? 0 : prompt]!;
      const tokens = Array.from({ length: spans }, (_, span) => own.filter((one) => one === span).length);
      for (const [pos, span] of own.entries()) {
        const share = total === 'mean' ? 1 / tokens[span]! : 1;
        const [from, to] = [(prompt * length + pos) * row, (prompt * spans + span) * row];
        for (let i = 0; i < row; i++) out[to + i]! += share * data[from + i]!;
      }
    }
    return [name, floatTensor(Float32Array.from(out), [prompts, spans, ...shape.slice(2)])] as const;
  });
  return Object.fromEntries(added);
}
