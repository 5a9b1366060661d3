/** @file Numbers for edges that are read off one plain run: what a destination reads beside what each source wrote. */
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { Dim } from '../../ir/program/dims.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import { normed } from '../../model/norm.js';
import { contribution, makePoints, oneRow, outputsByRow, rowsOf, type SourceActivations } from '../modes/points.js';
import type { EdgeMeasure } from '../requests/patchable-model.js';
import { finish, PATCH_INPUT, type Setting, scopeOf, scoreOutputName } from './programs.js';

/** input → the measure of each prompt, by destination module [batch, pos?, heads or 1, sources]; without `pos` its mean. */
export function measuredEdgesProgram(setting: Setting, measure: EdgeMeasure): Program {
  const b = new ProgramBuilder(`measure-${measure.name}`);
  const keepPositions = setting.graph.options.positions !== null;
  const sources: MeasuredSource[] = [];
  const other = measure.twoSided ? otherRun(setting, b) : null;
  const points = makePoints(scopeOf(setting, b), {
    read(site, groups, residual, norm) {
      const blocks = groups.flat();
      const { start, stop } = blocks[0]!.sources;
      const upstream = sources.filter(({ written: { block } }) => block.start >= start && block.stop <= stop);
      const values = measure.of(
        b,
        residual,
        upstream.map(({ outputs }) => outputs),
        other && {
          read: other.reads.get(site)!,
          written: upstream.map(({ written: { block } }) => other.outputs.get(block.site)!),
        },
      ); // [sources, batch, pos]
      const byPrompt = keepPositions
        ? oneOfAxis(b, b.transpose(values, [1, 2, 0]), 2)
        : oneOfAxis(b, b.transpose(b.mean(values, 2), [1, 0]), 1); // [batch, pos?, 1, sources]
      const at = byPrompt.shape.length - 2;
      for (const block of blocks) {
        const shape = byPrompt.shape.with(at, rowsOf([block]));
        b.output(scoreOutputName(block.module), b.broadcast(byPrompt, shape));
      }
      return groups.map(() => normed(b, oneRow(b, residual), norm));
    },
    write(written) {
      sources.push({ written, outputs: outputsByRow(b, written) });
      return contribution(b, written);
    },
  });
  setting.model.trace(points);
  return finish(setting, b);
}

interface MeasuredSource {
  readonly written: SourceActivations;
  readonly outputs: AnyValue;
}

/** The run on the other side, fed as the patching input: what each site reads, and what each source block writes by row. */
function otherRun(setting: Setting, b: ProgramBuilder) {
  const reads = new Map<string, AnyValue>();
  const outputs = new Map<string, AnyValue>();
  const points = makePoints(scopeOf(setting, b, PATCH_INPUT), {
    read(site, groups, residual, norm) {
      reads.set(site, residual);
      return groups.map(() => normed(b, oneRow(b, residual), norm));
    },
    write(written) {
      outputs.set(written.block.site, outputsByRow(b, written));
      return contribution(b, written);
    },
  });
  setting.model.trace(points);
  return { reads, outputs };
}

/** A new axis of size 1. */
function oneOfAxis(b: ProgramBuilder, x: AnyValue, axis: number): AnyValue {
  const shape: Dim[] = [...x.shape];
  shape.splice(axis, 0, 1);
  return b.reshape(x, shape);
}
