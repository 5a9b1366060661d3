/**
 * @file A model's trace under a mode, and where it can be cut: at residual streams that sites read, where nothing behind needs
 * anything before but that residual. What lies between two cuts is a piece.
 */
import { blocksAt } from '../../graph/site-blocks.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import { normed } from '../../model/norm.js';
import type { PatchPoints } from '../../model/patch-points.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import type { ReadBeforeScale } from '../modes/before-norm.js';
import { capturePoints } from '../modes/plain.js';
import {
  type BlockGroup,
  contribution,
  makePoints,
  rowsOf,
  type SourceActivations,
  type TraceScope,
} from '../modes/points.js';
import { readingPoints } from '../modes/reading.js';
import { namedWrites } from '../programs/named-writes.js';
import { readOut, type Setting, START_INPUT, scopeOf } from '../programs/programs.js';

/** What a group of destination blocks reads, in the piece that starts at the residual that it reads. */
export interface PieceRead {
  readonly blocks: BlockGroup;
  /** [rows of the blocks, batch, pos, dModel]; between the two factors of a norm where `beforeScale` says so. */
  readonly value: AnyValue;
  readonly beforeScale: ReadBeforeScale | null;
}

/** What lies between two cuts. */
export interface Piece {
  /** The residual at which it starts [batch, pos, dModel]; null for the first, which starts at the model's input. */
  readonly before: AnyValue | null;
  /** The residual that it hands on; null for the last, which ends in the logits. */
  readonly after: AnyValue | null;
  readonly reads: readonly PieceRead[];
  readonly writes: readonly SourceActivations[];
  /** Sites with edges, whose destinations read in it. */
  readonly sites: readonly string[];
}

/** A trace and its pieces, in order. */
export interface PieceTrace {
  readonly builder: ProgramBuilder;
  readonly pieces: readonly Piece[];
  /** [batch, outputs], or [batch, positions, outputs]. */
  readonly logits: AnyValue;
}

/** The input through which a piece is fed what the edges add to what a site's destinations read: [rows, batch, pos, dModel]. */
export const edgeSumInputName = (site: string): string => `sum:${site}`;

/** Which mode a trace has, and what it ends in. */
export type PieceMode =
  /** The model as it is. */
  | { readonly kind: 'plain'; readonly positions?: OutputPositions | undefined }
  /**
   * Each group of destinations reads a value of its own; `beforeScale`: between the factors of a norm where it has several rows;
   * `namesWrites`: what modules write has roles.
   */
  | { readonly kind: 'reading'; readonly beforeScale: boolean; readonly namesWrites: boolean }
  /** As plain, with what `Resid Start` writes fed. */
  | { readonly kind: 'started' }
  /** Each destination reads the residual plus a sum that is fed. */
  | { readonly kind: 'patched' };

/** Traces the model under a mode and cuts the trace. */
export function tracePieces(setting: Setting, mode: PieceMode): PieceTrace {
  const builder = new ProgramBuilder(`pieces-${mode.kind}`);
  const reads: PieceRead[] = [];
  const writes: SourceActivations[] = [];
  const residuals = new Map<number, AnyValue>();
  const points = modePoints(scopeOf(setting, builder), mode, reads, writes);
  const logits = readOut(
    setting,
    watched(setting, points, residuals),
    mode.kind === 'plain' ? mode.positions : undefined,
  );
  const cuts = validCuts(builder, [...residuals.values()], [logits, ...reads.map(({ value }) => value)], writes);
  const pieceOf = (value: AnyValue): number => cuts.filter(({ id }) => id < value.id).length;
  const pieces = [null, ...cuts].map((before, p): Piece => {
    const own = reads.filter(({ value }) => pieceOf(value) === p);
    return {
      before,
      after: cuts[p] ?? null,
      reads: own,
      writes: writes.filter(({ value }) => pieceOf(value) === p),
      sites: [...new Set(own.flatMap(({ blocks }) => blocks.map(({ site }) => site)))],
    };
  });
  return { builder, pieces, logits };
}

function modePoints(scope: TraceScope, mode: PieceMode, reads: PieceRead[], writes: SourceActivations[]): PatchPoints {
  const { builder: b } = scope;
  const onRead = (blocks: BlockGroup, value: AnyValue, beforeScale: ReadBeforeScale | null = null): AnyValue => {
    reads.push({ blocks, value, beforeScale });
    return value;
  };
  const collect = (written: SourceActivations): void => void writes.push(written);
  if (mode.kind === 'reading') {
    const points = readingPoints(scope, collect, onRead, { beforeScale: mode.beforeScale });
    return mode.namesWrites ? namedWrites(points) : points;
  }
  if (mode.kind === 'patched') {
    return makePoints(scope, {
      read(site, groups, residual, norm) {
        const rows = rowsOf(groups.flat());
        const sum = b.input(edgeSumInputName(site), 'float', [rows, ...residual.shape]); // [rows, batch, pos, dModel]
        const patched = b.add(sum, b.reshape(residual, [1, ...residual.shape])); // [rows, batch, pos, dModel]
        let row = 0;
        return groups.map((group) => {
          const stop = row + rowsOf(group);
          const own = onRead(group, stop - row === rows ? patched : b.slice(patched, 0, row, stop));
          row = stop;
          return normed(b, own, norm);
        });
      },
      write(source) {
        collect(source);
        return contribution(b, source);
      },
    });
  }
  if (mode.kind === 'plain') return capturePoints(scope, collect);
  const startOf = ({ value }: SourceActivations): AnyValue => b.input(START_INPUT, 'float', value.shape);
  return readingPoints(scope, collect, (_group, value) => value, { startOf });
}

/** The same points; the residuals that sites read go into `residuals`. */
function watched({ graph }: Setting, points: PatchPoints, residuals: Map<number, AnyValue>): PatchPoints {
  const note = (residual: AnyValue): void => void residuals.set(residual.id, residual);
  return {
    ...points,
    into(site, residual, norm) {
      note(residual);
      return points.into(site, residual, norm);
    },
    intoHeads(site, residual, norm, projections) {
      note(residual);
      return points.intoHeads(site, residual, norm, projections);
    },
    stream(site, residual) {
      if (blocksAt(graph, site).length > 0) note(residual);
      return points.stream(site, residual);
    },
  };
}

/** The residuals behind which nothing needs anything that sources wrote before, other than through them. */
function validCuts(
  builder: ProgramBuilder,
  residuals: readonly AnyValue[],
  wanted: readonly AnyValue[],
  writes: readonly SourceActivations[],
): AnyValue[] {
  const { values } = builder;
  const written = new Set(writes.map(({ value }) => value.id));
  const depends = new Uint8Array(values.length); // on what some source wrote
  for (const { id, inputs } of values) depends[id] = written.has(id) || inputs.some((input) => depends[input]) ? 1 : 0;
  const needed = new Uint8Array(values.length);
  for (const { id } of [...wanted, ...writes.map(({ value }) => value)]) needed[id] = 1;
  // the last value that reads each value directly
  const lastReader = new Int32Array(values.length).fill(-1);
  for (let id = values.length - 1; id >= 0; id--) {
    if (!needed[id]) continue;
    for (const input of values[id]!.inputs) {
      needed[input] = 1;
      lastReader[input] = Math.max(lastReader[input]!, id);
    }
  }
  return residuals
    .filter(({ id }) => values.slice(0, id).every((value) => !depends[value.id] || lastReader[value.id]! <= id))
    .sort((a, b) => a.id - b.id);
}
