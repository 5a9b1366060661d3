/**
 * @file The patched mode as its formula: a destination reads residual + Σ over upstream edges of mask · (patch − current), edge by
 * edge, with nothing grouped and nothing rearranged. Slow, and only run in tests: `patched.ts` and the sparse runs must give the same.
 */
import { blocksAt } from '../../graph/site-blocks.js';
import type { AnyValue } from '../../ir/program/program.js';
import { normed } from '../../model/norm.js';
import type { PatchPoints } from '../../model/patch-points.js';
import { maskInput, type PatchedScope } from './patched.js';
import { contribution, makePoints, oneRow, outputsByRow, rowsOf, type TraceScope } from './points.js';

/** What the reference needs: its place in a program, the axes of the mask, and what is patched in. */
export type ReferenceScope = TraceScope & Pick<PatchedScope, 'axes' | 'patchOf'>;

/** The patch points of the reference mode. Masks are fed as `patched.ts` has them. */
export function referencePoints(scope: ReferenceScope): PatchPoints {
  const { builder: b, graph, axes } = scope;
  /** patch − current by source, [1, batch, pos, dModel] each. */
  const differences: AnyValue[] = [];

  /** The mask of one edge, [1, batch or 1, pos or 1, 1]. */
  function maskOf(mask: AnyValue, row: number, source: number): AnyValue {
    const one = b.slice(b.slice(mask, -2, row, row + 1), -1, source, source + 1); // [batch?, pos?, 1, 1]
    const batch = axes.perItem || axes.perPosition ? one.shape[0]! : 1;
    return b.reshape(one, [1, batch, axes.perPosition ? 'pos' : 1, 1]);
  }

  return makePoints(scope, {
    write(source) {
      const patch = scope.patchOf(source);
      const current = outputsByRow(b, source); // [rows, batch, pos, dModel]
      const patched = patch && outputsByRow(b, { ...source, value: patch });
      const all = patched ? b.sub(patched, current) : b.neg(current);
      const { start, stop } = source.block;
      for (let index = start; index < stop; index++)
        differences[index] = b.slice(all, 0, index - start, index - start + 1);
      return contribution(b, source);
    },
    read(site, groups, residual, norm) {
      const mask = maskInput(scope, site, blocksAt(graph, site)); // [batch?, pos?, rows of the site, sources]
      let row = 0;
      return groups.map((group) => {
        const { start, stop } = group[0]!.sources;
        const rows = Array.from({ length: rowsOf(group) }, () => {
          let read = oneRow(b, residual); // [1, batch, pos, dModel]
          for (let source = start; source < stop; source++)
            read = b.add(read, b.mul(maskOf(mask, row, source - start), differences[source]!));
          row++;
          return read;
        });
        return normed(b, b.concat(rows, 0), norm);
      });
    },
  });
}
