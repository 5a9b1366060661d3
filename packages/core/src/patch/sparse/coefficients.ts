/** @file Tables of factors that a site's rows mix with: by mask and by position, as far as the program has these axes. */
import type { DestinationBlock } from '../../graph/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { Selection } from './row-selection.js';

/** A row of a destination block. */
export interface Row {
  readonly block: DestinationBlock;
  readonly row: number;
}

export interface CoefficientTableRequest {
  readonly selection: Selection;
  readonly site: string;
  /** Whether masks have factors of their own. */
  readonly byMask: boolean;
  /** Of the site, and of the followers that it mixes for. */
  readonly rows: readonly Row[];
  /** Global numbers of the sources. */
  readonly columns: readonly number[];
  /**
   * `own`: what the run writes, with the carried residual as a column before the others, which the site's own rows take.
   * `known`: what is known, which followers add themselves: only the site's own rows have factors.
   */
  readonly of: 'own' | 'cached';
}

/** [masks?, pos?, rows, columns]; 0 for sources that a row does not see. */
export function coefficientTable({ selection, site, byMask, rows, columns, of }: CoefficientTableRequest): Tensor {
  const { added, addedCoefficient, graph, positions, together, weight } = selection;
  const masks = byMask ? selection.masks : 1;
  const first = of === 'own' ? 1 : 0;
  const width = first + columns.length;
  const slab = positions * rows.length * width;
  const data = new Float32Array(masks * slab);
  const fill = (mask: number): void => {
    let at = mask * slab;
    for (let position = 0; position < positions; position++) {
      for (const { block, row } of rows) {
        const led = block.site !== site;
        if (of === 'own') data[at] = led ? 0 : 1;
        const stop = of === 'cached' && led ? 0 : block.sources.stop;
        for (let c = 0; c < columns.length; c++) {
          const source = columns[c]!;
          if (source < stop) data[at + first + c] = weight(block, row, source, mask, position);
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
    added.forEach((places, mask) => {
      for (const { block, row, source, position } of places) {
        const r = rows.findIndex((candidate) => candidate.block === block && candidate.row === row);
        const column = columnOf.get(source);
        if (r < 0 || column === undefined) continue; // no way leads through it
        data[mask * slab + (position * rows.length + r) * width + column] = addedCoefficient;
      }
    });
  }
  const byPosition = graph.options.positions !== null;
  return floatTensor(data, [...(byMask ? [masks] : []), ...(byPosition ? [positions] : []), rows.length, width]);
}
