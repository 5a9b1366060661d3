/**
 * @file The circuits of the two compiled models, by their construction (docs/compiled-models.md). Under resample they are
 * AutoCircuit's: positions and lengths are the same in the other prompt, so only what depends on the tokens is in.
 */
import { AutoCircuitError, type Graph, type OfficialCircuit } from '@auto-circuit/core/plugin';

/** An edge; where its value is anything but 0 (at the tokens by default); and whether other tokens change it. */
interface Step {
  readonly edge: string;
  readonly at?: 'bos';
  readonly tokens?: true;
}

/** What `tracr-reverse` computes, edge by edge. */
export const REVERSE_STEPS: readonly Step[] = [
  { edge: 'Resid Start->A0.0.V', at: 'bos' },
  { edge: 'A0.0->MLP 0' },
  { edge: 'MLP 0->MLP 1' },
  { edge: 'Resid Start->MLP 1' },
  { edge: 'MLP 1->MLP 2' },
  { edge: 'MLP 2->A3.0.Q' },
  { edge: 'Resid Start->A3.0.K' },
  { edge: 'Resid Start->A3.0.V', tokens: true },
  { edge: 'A3.0->Resid End', tokens: true },
];
/** What `tracr-xproportion` computes, edge by edge. */
export const XPROPORTION_STEPS: readonly Step[] = [
  { edge: 'Resid Start->MLP 0', tokens: true },
  { edge: 'Resid Start->A1.0.Q' },
  { edge: 'Resid Start->A1.0.K' },
  { edge: 'MLP 0->A1.0.V', tokens: true },
  { edge: 'A1.0->Resid End', tokens: true },
];

/** The circuit against resampled prompts, and the whole computation, which is needed against zeros. */
export const circuitsOf = (steps: readonly Step[]): Readonly<Record<'resample' | 'zero', OfficialCircuit>> => ({
  resample: {
    doc: 'what depends on the tokens: exact under resample, AutoCircuit’s tracr circuit',
    edges: (graph) =>
      namesIn(
        graph,
        steps.filter(({ tokens }) => tokens),
      ),
  },
  zero: { doc: 'the whole computation: exact under the ablation zero', edges: (graph) => namesIn(graph, steps) },
});

function namesIn({ options: { factorized, splitQkv, positions } }: Graph, steps: readonly Step[]): string[] {
  if (!factorized) {
    throw new AutoCircuitError({
      code: 'unsupported-graph',
      where: 'tasks',
      what: 'the circuits of the compiled models have edges between heads and MLPs, which the residual graph does not have',
      fix: 'use a factorized graph',
    });
  }
  const names = steps.flatMap(({ edge, at }) => {
    const name = splitQkv ? edge : edge.replace(/\.[QKV]$/, '');
    if (positions === null) return [name];
    if (at === 'bos') return [`${name}@0`];
    return Array.from({ length: positions - 1 }, (_, i) => `${name}@${i + 1}`);
  });
  return [...new Set(names)];
}
