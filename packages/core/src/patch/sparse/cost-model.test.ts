import { describe, expect, it } from 'vitest';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgesByName } from '../../graph/edges.js';
import { graphOf } from '../../testing/patched-logits.js';
import { TINY, tinyTransformer } from '../../testing/tiny-transformer.js';
import { denseCost, denseRunCost, leastNoisingCost, sparseCost, type Widths, widthsOf } from './cost-model.js';
import { type Base, select } from './row-selection.js';

const { dModel, dHead, dMlp, vocabulary } = TINY;
const MODEL = tinyTransformer({ layers: 1 });
const GRAPH = graphOf(MODEL);
const WIDTHS: Widths = { dHead, mlp: 2 * dModel * dMlp, unembed: vocabulary * dModel };
/** What moving a number costs, in multiplications. */
const MOVED = 24;
const ATTENTION = 4 * 2 * dHead * dModel; // Q, K, V and output of two heads

describe('widths are read off the model', () => {
  it.each([{}, { stacked: true }, { layers: 3, heads: 4, kvHeads: 2 }, { parallel: true }])('%o', (shape) => {
    const model = tinyTransformer({ layers: 1, ...shape });
    expect(widthsOf(model, graphOf(model))).toEqual(WIDTHS);
  });
  it('of an attention-only model have no MLP', () => {
    const model = tinyTransformer({ mlp: false });
    expect(widthsOf(model, graphOf(model))).toEqual({ ...WIDTHS, mlp: 0 });
  });
});

describe('the dense program', () => {
  it('costs the model, a sum over all sources for every row, and every head’s output', () => {
    const plain = ATTENTION + WIDTHS.mlp;
    // rows × dModel × (sources × 3 + moving the row): Q, K and V of two heads read 1 source, the MLP 3, the end 4
    const sums = 6 * dModel * (3 + MOVED) + dModel * (9 + MOVED) + dModel * (12 + MOVED);
    const headOutputs = 4 * (dHead + MOVED) * dModel;
    expect(denseCost(GRAPH, WIDTHS)).toBe(plain + sums + headOutputs);
    expect(denseRunCost(GRAPH, WIDTHS, 100, 10)).toBe(10 * 100 + MOVED * (plain + WIDTHS.unembed));
  });
  it('costs more where positions have edges of their own', () => {
    expect(denseCost(graphOf(MODEL, { positions: 4 }), WIDTHS)).toBeGreaterThan(denseCost(GRAPH, WIDTHS));
  });
});

describe('a sparse run', () => {
  const cost = (base: Base, edges: readonly string[], tokens: number, patched: boolean): number => {
    const numbers = edges.flatMap((name) => edgesByName(GRAPH, name));
    const mask = maskFromEdges(GRAPH, numbers, { inside: patched ? 1 : 0, outside: patched ? 0 : 1 });
    const selection = select({ graph: GRAPH, base, masks: [mask], variants: null, patchedGivesPatch: true });
    return sparseCost(selection, WIDTHS, tokens);
  };
  it('of the circuit alone costs one row where everything is patched', () => {
    expect(cost('denoising', [], 10, false)).toBe(0.6e9 + WIDTHS.unembed * MOVED + 10 * dModel * MOVED);
  });
  it('of the circuit alone costs the rows on its paths, and copies of their heads’ weights', () => {
    const copies = (3 + 1) * dHead * dModel; // Q, K, V and output of one head
    const reads = 3 * dModel * (3 + MOVED + dHead) + dModel * (2 * 3 + MOVED); // the head's, of one source; the end's, of two
    const writes = 2 * dModel * (dHead + MOVED); // the input's and the head's
    expect(cost('denoising', ['Resid Start->A0.1.V', 'A0.1->Resid End'], 10, false)).toBe(
      0.6e9 + (copies + WIDTHS.unembed) * MOVED + 10 * (reads + writes),
    );
  });
  it('as the model with some rows patched costs the model, with weights as they lie in the file', () => {
    const heads = ATTENTION + 3 * 2 * dHead * MOVED;
    const token = heads + 2 * dModel * MOVED + WIDTHS.mlp;
    expect(cost('noising', [], 10, true)).toBe(3e9 + (ATTENTION + WIDTHS.mlp + WIDTHS.unembed) * MOVED + 10 * token);
    expect(leastNoisingCost(GRAPH, WIDTHS, 10)).toBeLessThan(cost('noising', [], 10, true));
  });
  it('costs more with every edge that asks for something new', () => {
    const path = ['Resid Start->A0.1.V', 'A0.1->Resid End', 'Resid Start->MLP 0', 'MLP 0->Resid End'];
    const denoising = [0, 2, 4].map((n) => cost('denoising', path.slice(0, n), 10, false));
    const noising = [0, 1, 2].map((n) => cost('noising', path.slice(0, n), 10, true));
    for (const [a, b, c] of [denoising, noising] as [number, number, number][]) {
      expect(b).toBeGreaterThan(a);
      expect(c).toBeGreaterThan(b);
    }
  });
});
