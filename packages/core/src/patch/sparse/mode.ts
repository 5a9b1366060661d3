/** @file The patch points of sparse programs: only the rows that a selection names are read, summed and computed. */
import { AutoCircuitError } from '../../errors/error.js';
import type { DestinationBlock, SourceBlock } from '../../graph/types.js';
import { addDims, type Dim, type DimLike, dimsEqual, multiplyDims, toDim } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import {
  type HeadInputs,
  type HeadProjection,
  type HeadProjections,
  projectHeads,
  splitStacked,
} from '../../model/head-projections.js';
import { type Norm, normed } from '../../model/norm.js';
import type { PatchPoints } from '../../model/patch-points.js';
import {
  contribution,
  makePoints,
  oneRow,
  outputsByRow,
  readsQkvSeparately,
  type SourceActivations,
  type TraceScope,
} from '../modes/points.js';
import { EdgeSums } from './edge-sums.js';
import {
  kvInput,
  MASKS,
  pickInput,
  readInput,
  readTogetherSymbol,
  residualInput,
  stackedInput,
  stackedPickInput,
  writtenInput,
  writtenSymbol,
} from './names.js';
import type { Base, Entry } from './row-selection.js';

/** What a sparse program depends on. */
export interface SparseScope extends TraceScope {
  readonly base: Base;
  /** Where the run starts, and the site before it where the residual is fed; null: everything is run. */
  readonly entry: (Entry & { readonly stream: string }) | null;
  /** Whether several masks run from the start; then `entry` is null. */
  readonly together: boolean;
  /** Whether the heads of a layer are computed all or none (`ModelSpec.headsWriteTogether`). */
  readonly headsTogether: boolean;
  /** What is patched in: [rows, batch, pos, width] as fed, or null for zeros. */
  patchOf(block: SourceBlock, shape: readonly DimLike[]): AnyValue | null;
}

/** The patch points of a sparse program. */
export function sparsePoints(scope: SparseScope): PatchPoints {
  const { builder: b, base, entry, graph } = scope;
  const { dModel } = graph.layout;
  const edgeSums = new EdgeSums(scope);
  const { wide } = edgeSums;
  let running = entry === null;

  /** [rows, batch, pos, n] → [rows, masks·batch, pos, n]. */
  const widen = (x: AnyValue): AnyValue => {
    const [rows, batch, pos, n] = x.shape as [Dim, Dim, Dim, Dim];
    if (dimsEqual(batch, wide)) return x;
    const spread = b.broadcast(b.reshape(x, [rows, 1, batch, pos, n]), [rows, MASKS, batch, pos, n]);
    return b.reshape(spread, [rows, wide, pos, n]);
  };
  const fedResidual = (site: string): AnyValue => b.input(residualInput(site), 'float', ['batch', 'pos', dModel]);

  const modes: Readonly<Record<Base, Mode>> = {
    noising: {
      read(site, block, residual, norm) {
        if (block.heads !== null) throw needsHeads(site);
        return normed(b, edgeSums.at(site, 1, widen(startsAt(site, residual))), norm);
      },
      readHeads(site, blocks, residual, norm, projections) {
        const { stacked } = projections;
        const here = startsAt(site, residual); // [1, batch or masks·batch, pos, dModel]
        if (stacked && readsQkvSeparately(blocks)) {
          const summed = edgeSums.withFollowers(site, toDim(readTogetherSymbol(site)), widen(here)); // [rows of all blocks and followers, masks·batch, pos, dModel]
          const special = stackedRows(site, normed(b, summed, norm), stacked); // [the same rows, masks·batch, pos, width]
          const all = widen(flatRows(projectHeads(b, normed(b, here, norm), stacked))); // [3 · heads, masks·batch, pos, width]
          const pick = b.input(stackedPickInput(site), 'int', [all.shape[0]!]);
          return splitStacked(b, headRows(b.gather(b.concat([all, special], 0), pick, 0)));
        }
        const rows = blocks.map((block) => edgeSums.rowsOf(block));
        const summed = edgeSums.at(site, addDims(...rows), widen(here)); // [rows of all blocks, masks·batch, pos, dModel]
        const shared = projectAll(normed(b, here, norm), projections);
        let row: Dim = 0;
        const own = blocks.map((block, i) => {
          const [start, stop] = [row, addDims(row, rows[i]!)];
          row = stop;
          return { block, x: normed(b, blocks.length === 1 ? summed : b.slice(summed, 0, start, stop), norm) };
        });
        const input = (name: 'q' | 'k' | 'v'): AnyValue => {
          const { block, x } = own.find((o) => o.block.input === name) ?? own[0]!;
          const heads = b.input(readInput(block.module), 'int', [edgeSums.rowsOf(block)]);
          const index = projections[name].weight.shape[0] === block.heads ? heads : kvOf(block, heads);
          const special = flatRows(projectHeads(b, x, taken(projections[name], index))); // [read, masks·batch, pos, width]
          const all = widen(flatRows(shared[name])); // [groups, masks·batch, pos, width]
          const pick = b.input(pickInput(block.module, name), 'int', [block.heads!]);
          return headRows(b.gather(b.concat([all, special], 0), pick, 0));
        };
        return { q: input('q'), k: input('k'), v: input('v') };
      },
      write(source) {
        const { block, value, projection } = source;
        const rows = b.input(writtenInput(block.site), 'int', [writtenSymbol(block.site)]);
        const some = b.gather(value, rows, 0); // [written, masks·batch, pos, width]
        push(block, some, projection && b.gather(projection, rows, 0));
        return contribution(b, source);
      },
    },
    denoising: {
      read(site, block, _residual, norm) {
        if (block.heads !== null) throw needsHeads(site);
        return normed(b, edgeSums.at(site, edgeSums.rowsOf(block), widen(oneRow(b, fedResidual(site)))), norm);
      },
      readHeads(site, blocks, _residual, norm, projections) {
        const heads = edgeSums.headsOf(site);
        const rows = multiplyDims(blocks.length, heads);
        const residual = widen(oneRow(b, fedResidual(site)));
        if (scope.headsTogether) {
          const x = normed(b, edgeSums.at(site, rows, residual), norm); // [blocks · heads, masks·batch, pos, dModel]
          return projectAllOrNone(site, blocks, x, projections);
        }
        if (projections.stacked && readsQkvSeparately(blocks)) {
          const summed = edgeSums.atProjected(site, rows, residual); // [3 · heads and followers, masks·batch, pos, dModel]
          const all = stackedRows(site, normed(b, summed, norm), projections.stacked); // [3 · heads and followers, masks·batch, pos, width]
          const part = (i: number): AnyValue =>
            headRows(b.slice(all, 0, multiplyDims(i, heads), multiplyDims(i + 1, heads)));
          return { q: part(0), k: part(1), v: part(2) };
        }
        const x = normed(b, edgeSums.at(site, rows, residual), norm); // [blocks · heads, masks·batch, pos, dModel]
        const index = b.input(writtenInput(site), 'int', [heads]);
        const input = (name: 'q' | 'k' | 'v'): AnyValue => {
          const at = Math.max(
            0,
            blocks.findIndex((block) => block.input === name),
          );
          const own = blocks.length === 1 ? x : b.slice(x, 0, multiplyDims(at, heads), multiplyDims(at + 1, heads));
          const grouped = projections[name].weight.shape[0] !== blocks[0]!.heads;
          const chosen = grouped ? b.input(kvInput(site), 'int', [heads]) : index;
          return headRows(flatRows(projectHeads(b, own, taken(projections[name], chosen))));
        };
        return { q: input('q'), k: input('k'), v: input('v') };
      },
      write({ block, value, projection }) {
        const [, , pos, width] = value.shape as [Dim, Dim, Dim, Dim];
        const allOrNone = scope.headsTogether && block.at.kind === 'attn';
        const written = allOrNone ? edgeSums.headsOf(block.site) : toDim(writtenSymbol(block.site));
        const rows = (): AnyValue => b.input(writtenInput(block.site), 'int', [written]);
        // Heads and MLPs are computed as far as they are read; the input is there in any case.
        const computed = block.at.kind === 'start' ? b.gather(value, rows(), 0) : value;
        const byRow = allOrNone ? b.reshape(value, [written, wide, pos, width]) : computed;
        push(block, byRow, projection && b.gather(projection, rows(), 0));
        return b.broadcast(b.constant(0), [wide, pos, dModel]);
      },
    },
  };
  const mode = modes[base];

  /**
   * Heads that are computed all or none: none is a batch without prompts, so that a trace finds as many heads as it has.
   * x [blocks · heads, masks·batch, pos, dModel], with no rows where no head is computed.
   */
  function projectAllOrNone(
    site: string,
    blocks: readonly DestinationBlock[],
    x: AnyValue,
    projections: HeadProjections,
  ): HeadInputs {
    const heads = blocks[0]!.heads!;
    const batch = multiplyDims(writtenSymbol(site), wide);
    const all = b.reshape(x, [blocks.length * heads, batch, x.shape[2]!, dModel]);
    if (projections.stacked && readsQkvSeparately(blocks))
      return splitStacked(b, projectHeads(b, all, projections.stacked));
    const input = (name: 'q' | 'k' | 'v'): AnyValue => {
      const at = Math.max(
        0,
        blocks.findIndex((block) => block.input === name),
      );
      const own = blocks.length === 1 ? all : b.slice(all, 0, at * heads, (at + 1) * heads); // [heads, batch, pos, dModel]
      return projectHeads(b, own, projections[name]);
    };
    return { q: input('q'), k: input('k'), v: input('v') };
  }
  /** Adds the differences (patch − current) · projection of a block. */
  function push(block: SourceBlock, value: AnyValue, projection: AnyValue | null): void {
    const [rows, , pos, width] = value.shape as [Dim, Dim, Dim, Dim];
    const patch = scope.patchOf(block, [rows, 'batch', pos, width]);
    const difference = patch ? b.sub(widen(patch), value) : b.neg(value);
    edgeSums.add(block.site, outputsByRow(b, { value: difference, projection }));
  }
  /** The residual where a run starts is the same for all masks: it is read before it is spread over them. */
  function startsAt(site: string, residual: AnyValue): AnyValue {
    return oneRow(b, site === entry?.start ? fedResidual(entry.stream) : residual);
  }
  function projectAll(x: AnyValue, projections: HeadProjections): HeadInputs {
    if (projections.stacked) return splitStacked(b, projectHeads(b, x, projections.stacked));
    return {
      q: projectHeads(b, x, projections.q),
      k: projectHeads(b, x, projections.k),
      v: projectHeads(b, x, projections.v),
    };
  }
  /**
   * Rows of a site by their own rows of the stacked projection: [rows, masks·batch, pos, width]. Rows of followers are put
   * through some head's as well: that costs less than to cut them off.
   */
  const stackedRows = (site: string, x: AnyValue, stacked: HeadProjection): AnyValue =>
    flatRows(projectHeads(b, x, taken(stacked, b.input(stackedInput(site), 'int', [x.shape[0]!]))));
  const taken = ({ weight, bias }: HeadProjection, index: AnyValue): HeadProjection => ({
    weight: b.gather(weight, index, 0),
    bias: bias && b.gather(bias, index, 0),
  });
  /** The KV head of each of these heads. */
  const kvOf = (block: DestinationBlock, heads: AnyValue): AnyValue =>
    b.input(kvInput(block.module), 'int', heads.shape);
  /** [groups, 1, batch, pos, width] → [groups, batch, pos, width], and back. */
  function flatRows(x: AnyValue): AnyValue {
    const [groups, , batch, pos, width] = x.shape as [Dim, Dim, Dim, Dim, Dim];
    return b.reshape(x, [groups, batch, pos, width]);
  }
  function headRows(x: AnyValue): AnyValue {
    const [groups, batch, pos, width] = x.shape as [Dim, Dim, Dim, Dim];
    return b.reshape(x, [groups, 1, batch, pos, width]);
  }

  const points = makePoints(scope, {
    read(site, groups, residual, norm) {
      if (!running) return groups.map(() => normed(b, oneRow(b, residual), norm));
      return groups.map(([block]) => mode.read(site, block!, residual, norm));
    },
    readHeads(site, blocks, residual, norm, projections) {
      if (!running) return projectAll(normed(b, oneRow(b, residual), norm), projections);
      return mode.readHeads(site, blocks, residual, norm, projections);
    },
    write: (source) => (running ? mode.write(source) : contribution(b, source)),
  });
  /** Past this point everything is run; what came before is cached, and drops out of the program. */
  const startAt = (name: string, residual: AnyValue): AnyValue => {
    if (running || entry?.stream !== name) return residual;
    running = true;
    return b.reshape(widen(oneRow(b, fedResidual(name))), [wide, 'pos', dModel]);
  };
  return {
    ...points,
    outOf: (site, ...written) => startAt(site, points.outOf(site, ...written)),
    stream: (site, residual) => startAt(site, points.stream(site, residual)),
  };
}

/** What one of the two bases does where something is read and written. */
interface Mode {
  read(site: string, block: DestinationBlock, residual: AnyValue, norm: Norm | null): AnyValue;
  readHeads(
    site: string,
    blocks: readonly DestinationBlock[],
    residual: AnyValue,
    norm: Norm | null,
    projections: HeadProjections,
  ): HeadInputs;
  write(source: SourceActivations): AnyValue;
}

const needsHeads = (site: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'internal',
    where: 'core/patch',
    fields: { site },
    what: `"${site}" has heads and is not read through intoHeads, so single heads cannot be left out`,
    kind: 'internal',
  });
