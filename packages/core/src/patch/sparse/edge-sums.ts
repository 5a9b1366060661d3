/**
 * @file What rows of a site read in a selected program: what is carried + Σ factor · D over what this run wrote and what is known.
 * Factors are the same for all masks and positions, or a mask's own where masks differ, or a position's own where the graph
 * has edges for each.
 */

import { blocksAt } from '../../graph/site-blocks.js';
import type { DestinationBlock, Graph, SourceBlock } from '../../graph/types.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import { addDims, type Dim, dimsEqual, multiplyDims, toDim } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import { type EdgeSumGroup, edgeSumGroupOf, edgeSumGroups } from '../modes/edge-sum-groups.js';
import {
  CACHED_INPUT,
  CACHED_SYMBOL,
  cachedEdgeSumInput,
  columnsInput,
  columnsSymbol,
  edgeSumInput,
  MASKS,
  readSymbol,
} from './names.js';
import { type Base, type Entry, masksDiffer, ownBlocks, ownMasksDiffer, sitesRun } from './row-selection.js';

export interface EdgeSumScope {
  readonly builder: ProgramBuilder;
  readonly graph: Graph;
  readonly base: Base;
  /** null: everything is run. */
  readonly entry: Entry | null;
  /** Whether several masks run from the start; then `entry` is null. */
  readonly together: boolean;
}

export class EdgeSums {
  /** Items of a run: masks·batch where it has several masks. */
  readonly wide: Dim;
  readonly #scope: EdgeSumScope;
  readonly #byPosition: boolean;
  readonly #cachedStop: number;
  readonly #groups: readonly EdgeSumGroup[];
  /** By site, in the order of mixing: [masks?, pos?, written, items·pos·dModel]. */
  readonly #written = new Map<string, AnyValue>();
  /** Shares of followers that their leader has taken: [rows, wide, pos, dModel]. */
  readonly #prefixes = new Map<string, AnyValue>();

  constructor(scope: EdgeSumScope) {
    const { graph, entry, together } = scope;
    this.#scope = scope;
    this.#byPosition = graph.options.positions !== null;
    this.wide = entry || together ? multiplyDims(MASKS, 'batch') : toDim('batch');
    this.#cachedStop = entry ? blocksAt(graph, entry.start)[0]!.sources.stop : 0;
    this.#groups = edgeSumGroups(graph, sitesRun(graph, this.#cachedStop));
  }

  /** Keeps the differences that a block wrote: [written, wide, pos, dModel]. */
  add(site: string, differences: AnyValue): void {
    this.#written.set(site, this.#ordered(differences));
  }

  /** What rows of a site read: carried [1, wide, pos, dModel] + Σ factor · D → [rows, wide, pos, dModel]. */
  at(site: string, rows: Dim, residual: AnyValue): AnyValue {
    const all = this.withFollowers(site, rows, residual);
    return dimsEqual(all.shape[0]!, rows) ? all : this.#scope.builder.slice(all, 0, 0, rows);
  }

  /** The same, and behind them the shares of the rows that the site takes for its followers. */
  withFollowers(site: string, rows: Dim, residual: AnyValue): AnyValue {
    const { builder: b, entry, graph } = this.#scope;
    const led = this.#followersOf(site);
    const allRows = addDims(rows, ...led.map((follower) => follower.rows));
    const pieces = ownBlocks(graph, site, this.#edgeSumGroupOf(site), this.#cachedStop).map((block) =>
      this.#taken(site, block),
    );
    const table = b.concat([this.#ordered(residual), ...pieces], this.#rowAxis); // [masks?, pos?, 1 + columns, items·pos·dModel]
    const computed = this.#mixed(site, allRows, table);
    let row = rows;
    for (const follower of led) {
      const stop = addDims(row, follower.rows);
      this.#prefixes.set(follower.name, b.slice(computed, 0, row, stop));
      row = stop;
    }
    const prefix = this.#prefixes.get(site);
    const all = prefix ? b.add(computed, prefix) : computed;
    return entry ? this.#withKnown(site, allRows, all) : all;
  }

  /** Where a block is read: as many rows as are selected. */
  rowsOf(block: DestinationBlock): Dim {
    return block.input === 'end' ? 1 : toDim(readSymbol(block.module));
  }

  /** Factors by what is carried and was written → [rows, wide, pos, dModel]. */
  #mixed(site: string, rows: Dim, table: AnyValue): AnyValue {
    const { builder: b, together } = this.#scope;
    const byMask = ownMasksDiffer(this.#scope, site);
    const factors = b.input(edgeSumInput(site), 'float', [...this.#axes(byMask), rows, table.shape[this.#rowAxis]!]);
    const own = byMask && !together ? this.#masksFirst(table) : table;
    const mixed = this.#product(factors, own, byMask, byMask ? toDim('batch') : this.wide);
    return b.reshape(mixed, [rows, this.wide, 'pos', this.#dModel]);
  }

  /** Factors [masks?, pos?, rows, columns] by a table [masks?, pos?, columns, items·pos·dModel] → [rows, masks?, items, pos, dModel]. */
  #product(factors: AnyValue, table: AnyValue, byMask: boolean, items: Dim): AnyValue {
    const { builder: b } = this.#scope;
    const rowAxis = this.#axes(byMask).length;
    const rest = multiplyDims(...table.shape.slice(rowAxis + 1));
    const product = b.matmul(factors, b.reshape(table, [...table.shape.slice(0, rowAxis + 1), rest])); // [masks?, pos?, rows, items·pos·dModel]
    const inner = [items, ...(this.#byPosition ? [] : ['pos']), this.#dModel];
    const apart = b.reshape(product, [...product.shape.slice(0, -1), ...inner]);
    const position = this.#byPosition ? rowAxis - 1 : rowAxis + 2;
    return b.transpose(apart, [rowAxis, ...(byMask ? [0] : []), rowAxis + 1, position, apart.shape.length - 1]);
  }

  /** Adds the share of known sources, which are the same for all masks. */
  #withKnown(site: string, rows: Dim, computed: AnyValue): AnyValue {
    const { builder: b } = this.#scope;
    const known = this.#positionsFirst(b.input(CACHED_INPUT, 'float', [CACHED_SYMBOL, 'batch', 'pos', this.#dModel]));
    const items = toDim('batch');
    const byMask = masksDiffer(this.#scope, site);
    const factors = b.input(cachedEdgeSumInput(site), 'float', [...this.#axes(byMask), rows, CACHED_SYMBOL]);
    if (!byMask) {
      const share = b.reshape(this.#product(factors, known, false, items), [rows, 1, 'batch', 'pos', this.#dModel]);
      const apart = b.reshape(computed, [rows, MASKS, 'batch', 'pos', this.#dModel]);
      return b.reshape(b.add(apart, share), computed.shape);
    }
    const masksByRows = multiplyDims(MASKS, rows);
    const stacked = this.#byPosition
      ? b.reshape(b.transpose(factors, [1, 0, 2, 3]), ['pos', masksByRows, CACHED_SYMBOL])
      : b.reshape(factors, [masksByRows, CACHED_SYMBOL]);
    const share = b.reshape(this.#product(stacked, known, false, items), [MASKS, rows, 'batch', 'pos', this.#dModel]);
    return b.add(computed, b.reshape(b.transpose(share, [1, 0, 2, 3, 4]), computed.shape));
  }

  /** The differences of a block that a site takes. */
  #taken(site: string, block: SourceBlock): AnyValue {
    const { builder: b, base } = this.#scope;
    const written = this.#written.get(block.site)!;
    if (base === 'denoising') return written;
    // Few of the sources that somebody reads have an edge into this site.
    const columns = b.input(columnsInput(site, block.site), 'int', [columnsSymbol(site, block.site)]);
    return b.gather(written, columns, this.#rowAxis);
  }

  #followersOf(site: string): { readonly name: string; readonly rows: Dim }[] {
    const { base, graph } = this.#scope;
    const { leader, followers } = this.#edgeSumGroupOf(site);
    // A site without heads is one row, which base `denoising` may leave out.
    const rows = (name: string): Dim => (base === 'noising' ? 1 : this.rowsOf(blocksAt(graph, name)[0]!));
    return site === leader ? followers.map((name) => ({ name, rows: rows(name) })) : [];
  }
  #edgeSumGroupOf(site: string): EdgeSumGroup {
    return edgeSumGroupOf(this.#groups, site);
  }
  #axes(byMask: boolean): string[] {
    return [...(byMask ? [MASKS] : []), ...(this.#byPosition ? ['pos'] : [])];
  }
  /** [rows, wide, pos, dModel] → the order of mixing, where what has factors of its own comes first. */
  #ordered(x: AnyValue): AnyValue {
    const byPosition = this.#positionsFirst(x);
    return this.#scope.together ? this.#masksFirst(byPosition) : byPosition;
  }
  /** [rows, items, pos, dModel] → [pos?, rows, items·pos·dModel]. */
  #positionsFirst(x: AnyValue): AnyValue {
    const { builder: b } = this.#scope;
    const [rows, items, pos, dModel] = x.shape as [Dim, Dim, Dim, Dim];
    if (!this.#byPosition) return b.reshape(x, [rows, multiplyDims(items, pos, dModel)]);
    return b.reshape(b.transpose(x, [2, 0, 1, 3]), [pos, rows, multiplyDims(items, dModel)]);
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
  get #rowAxis(): number {
    return this.#axes(this.#scope.together).length;
  }
  get #dModel(): number {
    return this.#scope.graph.layout.dModel;
  }
}
