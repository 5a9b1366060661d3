/** @file Tables of the coefficients of a site's edge sums: by mask and by position, as far as the program has these axes. */
import type { DestinationBlock } from '../../graph/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { Selection } from './row-selection.js';

/** A row of a destination block. */
export interface Row {
  readonly block: DestinationBlock;
  readonly row: number;
}

/** Which coefficients a table holds. */
export interface CoefficientTableRequest {
  readonly selection: Selection;
  readonly site: string;
  /** Whether masks have coefficients of their own. */
  readonly byMask: boolean;
  /** Of the site, and of the followers whose sums it starts. */
  readonly rows: readonly Row[];
  /** Global numbers of the sources. */
  readonly columns: readonly number[];
  /**
   * `own`: sources that the run computes, after a column for the residual, which the site's own rows take.
   * `cached`: sources that it does not, which followers add themselves: only the site's own rows have coefficients.
   */
  readonly of: 'own' | 'cached';
}

/** [masks?, pos?, rows, columns]; 0 for sources that a row does not see. */
export function coefficientTable({ selection, site, byMask, rows, columns, of }: CoefficientTableRequest): Tensor {
  const { added, addedCoefficient, coefficient, graph, positions, together } = selection;
  const masks = byMask ? selection.masks : 1;
  const first = of === 'own' ? 1 : 0;
  const width = first + columns.length;
  const slab = positions * rows.length * width;
  const data = new Float32Array(masks * slab);
  const fill = (mask: number): void => {
    let at = mask * slab;
    for (let position = 0; position < positions; position++) {
      for (const { block, row } of rows) {
        const isFollower = block.site !== site;
        if (of === 'own') data[at] = isFollower ? 0 : 1;
        const stop = of === 'cached' && isFollower ? 0 : block.sources.stop;
        for (let c = 0; c < columns.length; c++) {
          const source = columns[c]!;
          if (source < stop) data[at + first + c] = coefficient(block, row, source, mask, position);
        }
        at += width;
      }
    }
  };
  for (let mask = 0; mask < masks; mask++) {
    if (mask === 0 || together) fill(mask);
    else data.copyWithin(mask * slab, 0, slab); // variants differ by the few edges that each adds
  }
  if (byMask && !together) {
    const columnOf = new Map(columns.map((source, c) => [source, first + c]));
    added.forEach((entries, mask) => {
      for (const { block, row, source, position } of entries) {
        const r = rows.findIndex((candidate) => candidate.block === block && candidate.row === row);
        const column = columnOf.get(source);
        if (r < 0 || column === undefined) continue; // the edge is not on any path that is computed
        data[mask * slab + (position * rows.length + r) * width + column] = addedCoefficient;
      }
    });
  }
  const byPosition = graph.options.positions !== null;
  return floatTensor(data, [...(byMask ? [masks] : []), ...(byPosition ? [positions] : []), rows.length, width]);
}
