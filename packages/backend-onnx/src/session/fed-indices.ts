/** @file Indices that are fed, checked before a run: onnxruntime takes −1 for the last row, and our programs do not. */
import {
  type Dim,
  type DimSizes,
  evaluateDim,
  type Feeds,
  indexOutOfRange,
  type Program,
} from '@auto-circuit/core/backend';

/** A fed input that a gather or a scatterAdd reads as its indices, and the size that they index. */
interface IndexUse {
  readonly input: string;
  readonly size: Dim;
}

/** Every such use, each once. Computed indices are not among them. */
export function indexUses(program: Program): readonly IndexUse[] {
  const uses = program.values.flatMap((value): IndexUse[] => {
    if (value.op !== 'gather' && value.op !== 'scatterAdd') return [];
    const [of, indices] = value.inputs.map((id) => program.values[id]!);
    if (indices?.op !== 'input') return [];
    const size = value.op === 'gather' ? of!.shape[value.attributes.axis]! : value.attributes.size;
    return [{ input: indices.attributes.name, size }];
  });
  const keyOf = ({ input, size }: IndexUse): string => JSON.stringify([input, size]);
  return [...new Map(uses.map((use) => [keyOf(use), use])).values()];
}

/** @throws AutoCircuitError `index-out-of-range` for the first fed index that is below 0 or not below the size that it indexes */
export function checkFedIndices(uses: readonly IndexUse[], feeds: Feeds, sizes: DimSizes): void {
  for (const { input, size: dim } of uses) {
    const size = evaluateDim(dim, sizes);
    const wrong = feeds[input]!.data.find((index: number) => !(index >= 0 && index < size));
    if (wrong === undefined) continue;
    throw indexOutOfRange('backend-onnx', wrong, size);
  }
}
