/**
 * @file What rows of a site read in a sparse program: the residual + Σ coefficient · D over what this run wrote and what is cached.
 * Coefficients are the same for all masks and positions, or a mask's own where masks differ, or a position's own where the graph
 * has edges for each.
 */

import { blocksAt } from '../../graph/site-blocks.js';
import type { DestinationBlock, Graph, SourceBlock } from '../../graph/types.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import { addDims, type Dim, dimsEqual, multiplyDims, toDim } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import { type EdgeSumGroup, edgeSumGroupOf } from '../modes/edge-sum-groups.js';
import {
  CACHED_INPUT,
  CACHED_SYMBOL,
  cachedEdgeSumInput,
  columnsInput,
  columnsSymbol,
  edgeSumInput,
  MASKS,
  readSymbol,
  writtenSymbol,
} from './names.js';
import {
  type Base,
  type Entry,
  leadsHeads,
  masksDiffer,
  ownBlocks,
  ownMasksDiffer,
  sparseEdgeSumGroups,
} from './row-selection.js';

/** What edge sums depend on. */
export interface EdgeSumScope {
  readonly builder: ProgramBuilder;
  readonly graph: Graph;
  readonly base: Base;
  /** null: everything is run. */
  readonly entry: Entry | null;
  /** Whether several masks run from the start; then `entry` is null. */
  readonly together: boolean;
  /** Whether the heads of a layer are computed all or none. Default false. */
  readonly headsTogether?: boolean;
}

/** Makes the edge sums of a program, site after site, from the differences that its blocks have written so far. */
export class EdgeSums {
  /** The batch of a run: masks·batch where it has several masks. */
  readonly wide: Dim;
  readonly #scope: EdgeSumScope;
  readonly #byPosition: boolean;
  readonly #cachedStop: number;
  readonly #groups: readonly EdgeSumGroup[];
  /** By site, in the order of the products: [masks?, pos?, written, wide·pos·dModel]. */
  readonly #written = new Map<string, AnyValue>();
  /** Sums of followers that their leader has started: [rows, wide, pos, dModel]. */
  readonly #started = new Map<string, AnyValue>();

  constructor(scope: EdgeSumScope) {
    const { base, graph, entry, together } = scope;
    this.#scope = scope;
    this.#byPosition = graph.options.positions !== null;
    this.wide = entry || together ? multiplyDims(MASKS, 'batch') : toDim('batch');
    this.#cachedStop = entry ? blocksAt(graph, entry.start)[0]!.sources.stop : 0;
    this.#groups = sparseEdgeSumGroups(graph, base, entry, this.#cachedStop);
  }

  /** Adds the differences that a block wrote: [written, wide, pos, dModel]. */
  add(site: string, differences: AnyValue): void {
    this.#written.set(site, this.#ordered(differences));
  }

  /** What rows of a site read: residual [1, wide, pos, dModel] + Σ coefficient · D → [rows, wide, pos, dModel]. */
  at(site: string, rows: Dim, residual: AnyValue): AnyValue {
    const all = this.withFollowers(site, rows, residual);
    return dimsEqual(all.shape[0]!, rows) ? all : this.#scope.builder.slice(all, 0, 0, rows);
  }

  /**
   * The same, and after them the rows of its followers where these are single ones: to put them through a projection as well costs
   * less than to cut them off.
   */
  atProjected(site: string, rows: Dim, residual: AnyValue): AnyValue {
    const manyFollow = leadsHeads(this.#scope.graph, this.#edgeSumGroupOf(site));
    return manyFollow ? this.at(site, rows, residual) : this.withFollowers(site, rows, residual);
  }

  /** The same, and after them the rows of its followers, whose sums it starts. */
  withFollowers(site: string, rows: Dim, residual: AnyValue): AnyValue {
    const { builder: b, entry, graph } = this.#scope;
    const followers = this.#followersOf(site);
    const allRows = addDims(rows, ...followers.map((follower) => follower.rows));
    const taken = ownBlocks(graph, site, this.#edgeSumGroupOf(site), this.#cachedStop).map((block) =>
      this.#taken(site, block),
    );
    const table = b.concat([this.#ordered(residual), ...taken], this.#sourceAxis); // [masks?, pos?, 1 + columns, wide·pos·dModel]
    const computed = this.#summed(site, allRows, table);
    let row = rows;
    for (const follower of followers) {
      const stop = addDims(row, follower.rows);
      this.#started.set(follower.name, b.slice(computed, 0, row, stop));
      row = stop;
    }
    const started = this.#started.get(site);
    const all = started ? b.add(computed, started) : computed;
    return entry ? this.#withCached(site, allRows, all) : all;
  }

  /** How many rows of a block are read: those that are selected. */
  rowsOf(block: DestinationBlock): Dim {
    return block.input === 'end' ? 1 : toDim(readSymbol(block.module));
  }

  /** How many heads of a site are computed where a circuit runs alone: those that are read, or all of a layer or none. */
  headsOf(site: string): Dim {
    const { graph, headsTogether = false } = this.#scope;
    return multiplyDims(headsTogether ? blocksAt(graph, site)[0]!.heads! : 1, writtenSymbol(site));
  }

  /** Coefficients times the residual and what was written → [rows, wide, pos, dModel]. */
  #summed(site: string, rows: Dim, table: AnyValue): AnyValue {
    const { builder: b, together } = this.#scope;
    const byMask = ownMasksDiffer(this.#scope, site);
    const coefficients = b.input(edgeSumInput(site), 'float', [
      ...this.#axes(byMask),
      rows,
      table.shape[this.#sourceAxis]!,
    ]);
    const own = byMask && !together ? this.#masksFirst(table) : table;
    const sums = this.#product(coefficients, own, byMask, byMask ? toDim('batch') : this.wide);
    return b.reshape(sums, [rows, this.wide, 'pos', this.#dModel]);
  }

  /** Coefficients [masks?, pos?, rows, columns] times a table [masks?, pos?, columns, batch·pos·dModel] → [rows, masks?, batch, pos, dModel]. */
  #product(coefficients: AnyValue, table: AnyValue, byMask: boolean, batch: Dim): AnyValue {
    const { builder: b } = this.#scope;
    const rowAxis = this.#axes(byMask).length;
    const rest = multiplyDims(...table.shape.slice(rowAxis + 1));
    const product = b.matmul(coefficients, b.reshape(table, [...table.shape.slice(0, rowAxis + 1), rest])); // [masks?, pos?, rows, batch·pos·dModel]
    const inner = [batch, ...(this.#byPosition ? [] : ['pos']), this.#dModel];
    const apart = b.reshape(product, [...product.shape.slice(0, -1), ...inner]);
    const position = this.#byPosition ? rowAxis - 1 : rowAxis + 2;
    return b.transpose(apart, [rowAxis, ...(byMask ? [0] : []), rowAxis + 1, position, apart.shape.length - 1]);
  }

  /** Adds the sum over cached sources, whose differences are the same for all masks. */
  #withCached(site: string, rows: Dim, computed: AnyValue): AnyValue {
    const { builder: b } = this.#scope;
    const cached = this.#positionsFirst(b.input(CACHED_INPUT, 'float', [CACHED_SYMBOL, 'batch', 'pos', this.#dModel]));
    const batch = toDim('batch');
    const byMask = masksDiffer(this.#scope, site);
    const coefficients = b.input(cachedEdgeSumInput(site), 'float', [...this.#axes(byMask), rows, CACHED_SYMBOL]);
    if (!byMask) {
      const sum = b.reshape(this.#product(coefficients, cached, false, batch), [rows, 1, 'batch', 'pos', this.#dModel]);
      const apart = b.reshape(computed, [rows, MASKS, 'batch', 'pos', this.#dModel]);
      return b.reshape(b.add(apart, sum), computed.shape);
    }
    const masksByRows = multiplyDims(MASKS, rows);
    const stacked = this.#byPosition
      ? b.reshape(b.transpose(coefficients, [1, 0, 2, 3]), ['pos', masksByRows, CACHED_SYMBOL])
      : b.reshape(coefficients, [masksByRows, CACHED_SYMBOL]);
    const sum = b.reshape(this.#product(stacked, cached, false, batch), [MASKS, rows, 'batch', 'pos', this.#dModel]);
    return b.add(computed, b.reshape(b.transpose(sum, [1, 0, 2, 3, 4]), computed.shape));
  }

  /** The differences of a block that a site takes. */
  #taken(site: string, block: SourceBlock): AnyValue {
    const { builder: b, base } = this.#scope;
    const written = this.#written.get(block.site)!;
    if (base === 'denoising') return written;
    // Few of the sources that any row reads have an edge into this site.
    const columns = b.input(columnsInput(site, block.site), 'int', [columnsSymbol(site, block.site)]);
    return b.gather(written, columns, this.#sourceAxis);
  }

  #followersOf(site: string): { readonly name: string; readonly rows: Dim }[] {
    const { base, graph } = this.#scope;
    const { leader, followers } = this.#edgeSumGroupOf(site);
    // A site without heads is one row, which base `denoising` may leave out.
    const rows = (name: string): Dim => {
      const blocks = blocksAt(graph, name);
      if (blocks[0]!.heads !== null) return multiplyDims(blocks.length, this.headsOf(name));
      return base === 'noising' ? 1 : this.rowsOf(blocks[0]!);
    };
    return site === leader ? followers.map((name) => ({ name, rows: rows(name) })) : [];
  }
  #edgeSumGroupOf(site: string): EdgeSumGroup {
    return edgeSumGroupOf(this.#groups, site);
  }
  #axes(byMask: boolean): string[] {
    return [...(byMask ? [MASKS] : []), ...(this.#byPosition ? ['pos'] : [])];
  }
  /** [rows, wide, pos, dModel] → the order of the products: axes with coefficients of their own come first. */
  #ordered(x: AnyValue): AnyValue {
    const byPosition = this.#positionsFirst(x);
    return this.#scope.together ? this.#masksFirst(byPosition) : byPosition;
  }
  /** [rows, batch, pos, dModel] → [pos?, rows, batch·pos·dModel]. */
  #positionsFirst(x: AnyValue): AnyValue {
    const { builder: b } = this.#scope;
    const [rows, batch, pos, dModel] = x.shape as [Dim, Dim, Dim, Dim];
    if (!this.#byPosition) return b.reshape(x, [rows, multiplyDims(batch, pos, dModel)]);
    return b.reshape(b.transpose(x, [2, 0, 1, 3]), [pos, rows, multiplyDims(batch, dModel)]);
  }
  /** [pos?, rows, wide·pos·dModel] → [masks, pos?, rows, batch·pos, dModel]. */
  #masksFirst(x: AnyValue): AnyValue {
    const { builder: b } = this.#scope;
    const leading = x.shape.slice(0, -1);
    const tokens = multiplyDims('batch', ...(this.#byPosition ? [] : ['pos']));
    const split = b.reshape(x, [...leading, MASKS, multiplyDims(tokens, this.#dModel)]);
    const axes = leading.map((_, axis) => axis);
    const first = b.transpose(split, [leading.length, ...axes, leading.length + 1]);
    return b.reshape(first, [...first.shape.slice(0, -1), tokens, this.#dModel]); // keeps the transpose before a concat
  }
  get #sourceAxis(): number {
    return this.#axes(this.#scope.together).length;
  }
  get #dModel(): number {
    return this.#scope.graph.layout.dModel;
  }
}
