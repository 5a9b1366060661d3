/** @file What metrics and tasks add to the report of a run: areas under its curves, and ROC against the task's known circuits. */

import type { OfficialCircuit } from '@auto-circuit/core/plugin';
import type { Measurement, ReportInput } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { AreaFigure, KnownCircuitFigure, RunFigures } from '@auto-circuit/viewer';
import type { Cli } from '../context/context.js';
import { errorText } from '../terminal/advice.js';

/** Loads what is needed once, for any number of runs. */
export async function runFigures(cli: Cli): Promise<(input: ReportInput) => RunFigures> {
  const registry = await cli.registry();
  const { fromJsonNumber } = await import('@auto-circuit/core/run');
  const { edgesByName } = await import('@auto-circuit/core');
  const { areaUnderCurve, rocArea, rocCurve } = await import('@auto-circuit/metrics');

  const area = (metric: string, points: readonly { readonly edges: number; readonly value: number }[]): AreaFigure => {
    const sizes = points.map(({ edges }) => edges).filter((edges) => edges >= 1);
    const usable = sizes.length >= 2 && points.every(({ value }) => Number.isFinite(value));
    return {
      metric,
      area: usable ? areaUnderCurve(points) : null,
      from: sizes.reduce((least, size) => Math.min(least, size), Number.POSITIVE_INFINITY),
      to: sizes.reduce((most, size) => Math.max(most, size), Number.NEGATIVE_INFINITY),
    };
  };
  const areas = (measurements: readonly Measurement[]): AreaFigure[] => {
    const own = measurements.map(({ metric, points }) =>
      area(
        metric,
        points.map(({ edges, value }) => ({ edges, value: fromJsonNumber(value) })),
      ),
    );
    const faithful = (measurements[0]?.points ?? []).flatMap(({ edges, faithfulness }) =>
      faithfulness === undefined ? [] : [{ edges, value: fromJsonNumber(faithfulness) }],
    );
    const beside = faithful.length > 0 && !measurements.some(({ metric }) => metric === 'faithfulness');
    return beside ? [area('faithfulness', faithful), ...own] : own;
  };

  const known = ({ run, graph, scores }: ReportInput, name: string, circuit: OfficialCircuit): KnownCircuitFigure => {
    const numbers = new Set(circuit.edges(graph, run.prompts.words ?? {}).flatMap((edge) => edgesByName(graph, edge)));
    const points = rocCurve(graph, scores, numbers);
    return { name, doc: circuit.doc, edges: numbers.size, points, area: rocArea(points) };
  };

  return (input) => {
    const { task } = input.run.sources;
    const registered = typeof task === 'string' && registry.has('task', task) ? registry.get('task', task) : null;
    const figures: KnownCircuitFigure[] = [];
    const notes: string[] = [];
    for (const [name, circuit] of Object.entries(registered?.officialCircuits ?? {})) {
      try {
        figures.push(known(input, name, circuit));
      } catch (error) {
        // Another model than the paper's, or prompts without word positions: there is nothing to compare with.
        if (!(error instanceof AutoCircuitError)) throw error;
        notes.push(`No ROC against the known circuit ${name}: ${errorText(error)}`);
      }
    }
    return {
      ...(registered ? { task: registered.doc } : {}),
      areas: areas(input.measurements),
      known: figures,
      notes,
    };
  };
}
