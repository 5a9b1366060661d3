/** @file Matrix products: Gemm for two matrices, MatMul or onnxruntime's FusedMatMul for batches of them. */
import type { LowerContext } from './context.js';
import type { MatmulOperand, Step } from './plan.js';

/**
 * Gemm takes both transposes and keeps a prepacked copy of a weight; FusedMatMul takes transposes and a moved batch axis
 * without a copy; elsewhere a transpose is a node of its own.
 */
export function lowerMatmul(
  { value, operands: [a, b] }: Extract<Step, { kind: 'matmul' }>,
  context: LowerContext,
): string {
  const { writer, names } = context;
  const [x, y] = [names.get(a.id)!, names.get(b.id)!];
  const flag = (on: boolean): { int: number } => ({ int: on ? 1 : 0 });
  const ranks = value.inputs.map((id) => context.program.values[id]!.shape.length);
  if (ranks[0] === 2 && ranks[1] === 2) {
    return writer.node('Gemm', [x, y], { transA: flag(a.transposed), transB: flag(b.transposed) });
  }
  if (!context.fusedMatmul)
    return writer.node('MatMul', [swapped(a, ranks[0]!, context), swapped(b, ranks[1]!, context)]);
  if (![a, b].some((o) => o.transposed || o.batchTransposed)) return writer.node('MatMul', [x, y]);
  const attributes = {
    transA: flag(a.transposed),
    transB: flag(b.transposed),
    transBatchA: flag(a.batchTransposed),
    transBatchB: flag(b.batchTransposed),
  };
  return writer.node('FusedMatMul', [x, y], attributes, 'com.microsoft');
}

function swapped({ id, transposed }: MatmulOperand, rank: number, { writer, names }: LowerContext): string {
  const name = names.get(id)!;
  if (!transposed) return name;
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return writer.node('Transpose', [name], { perm: { ints: perm } });
}
