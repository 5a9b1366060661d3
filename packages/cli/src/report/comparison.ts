/** @file The report of many runs: grouped by task and graph, named by what tells them apart, with the overlap of their scores. */
import { join, relative, sep } from 'node:path';
import type { Graph } from '@auto-circuit/core';
import type { ReportInput, RunJson } from '@auto-circuit/core/run';
import type { ComparedRun, Overlap, RunGroup } from '@auto-circuit/viewer';
import type { Cli } from '../context/context.js';
import { runFigures } from './figures.js';

/** A run and where its own report is, from the page (a relative address). */
export interface LinkedRun {
  readonly input: ReportInput;
  /** How the algorithm with its options is called; without it, by its name and the options that differ. */
  readonly label?: string;
  /** The task as it is called; without it, what was run on the same model, prompts and graph is one group. */
  readonly group?: string;
  readonly href?: string;
}

/** The relative address of a run's report, from a page in `folder`. */
export function reportAddress(folder: string, run: string): string {
  const path = relative(folder, join(run, 'report.html'));
  return path.split(sep).map(encodeURIComponent).join('/');
}

/** HTML of one page about all of them. */
export async function comparisonReport(cli: Cli, title: string, runs: readonly LinkedRun[]): Promise<string> {
  const { renderComparison } = await import('@auto-circuit/viewer');
  const { overlapMatrix } = await import('@auto-circuit/metrics');
  const figuresOf = await runFigures(cli);
  const groups = new Map<string, LinkedRun[]>();
  for (const run of runs) {
    const key = `${run.group ?? ''} ${groupKey(run.input.run)}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const firsts = [...groups.values()].map(([first]) => first!);
  const titles = groupTitles(firsts.map(({ input }) => input.run)).map((title, i) => firsts[i]!.group ?? title);
  return renderComparison({
    title,
    groups: [...groups.values()].map((own, i): RunGroup => {
      const compared = named(own).map((run): ComparedRun => ({ ...run, figures: figuresOf(run.input) }));
      const scores = own.map(({ input }) => input.scores);
      const overlaps =
        own.length < 2
          ? []
          : overlapSizes(own).map(
              (edges): Overlap => ({
                edges,
                jaccard: overlapMatrix(own[0]!.input.graph, scores, edges),
              }),
            );
      return { title: titles[i]!, runs: compared, overlaps };
    }),
  });
}

/** Runs whose scores and measurements can stand in one chart: the same model, prompts and graph. */
const groupKey = ({ asked }: RunJson): string =>
  JSON.stringify([asked.model.key, asked.data.hash, Object.entries(asked.graph).sort()]);

/** The task, and the model where a task was run on several. */
function groupTitles(runs: readonly RunJson[]): string[] {
  const short = runs.map(({ asked }) => asked.data.name);
  return runs.map(({ asked }, i) => {
    const alone = short.filter((name) => name === short[i]).length === 1;
    return alone ? short[i]! : `${short[i]} in ${asked.model.name}`;
  });
}

/** 10, 30, 100, … below the number of edges, and the smallest circuit that was kept. */
function overlapSizes(runs: readonly LinkedRun[]): number[] {
  const { edgeCount }: Graph = runs[0]!.input.graph;
  const smallest = Math.min(...runs.map(({ input }) => input.circuit.edges.length));
  const sizes = new Set(smallest > 0 ? [smallest] : []);
  for (let power = 10; power < edgeCount; power *= 10) {
    sizes.add(power);
    if (3 * power < edgeCount) sizes.add(3 * power);
  }
  return [...sizes].sort((a, b) => a - b);
}

/** Algorithms by name, with what else differs between the runs of a group; runs that differ in their seed are a series. */
function named(runs: readonly LinkedRun[]): Omit<ComparedRun, 'figures'>[] {
  const all = runs.map(({ input }) => facetsOf(input.run));
  const differing = Object.keys(all[0]!).filter((facet) => new Set(all.map((facets) => facets[facet])).size > 1);
  const seeds = new Set(runs.map(({ input }) => input.run.asked.seed));
  return runs.map(({ input, href, label }, i) => {
    const { algo, seed } = input.run.asked;
    const more = differing.flatMap((facet) => (all[i]![facet] === '' ? [] : [all[i]![facet]!]));
    const series = [
      ...(label === undefined ? [algo.name, ...optionsThatDiffer(runs, input.run)] : [label]),
      ...more,
    ].join(', ');
    const name = seeds.size > 1 ? `${series}, seed ${seed}` : series;
    return { name, series, input, ...(href === undefined ? {} : { href }) };
  });
}

/** Of the algorithm's options, those that other runs of the same algorithm have otherwise. */
function optionsThatDiffer(runs: readonly LinkedRun[], { asked }: RunJson): string[] {
  const same = runs.map(({ input }) => input.run.asked.algo).filter(({ name }) => name === asked.algo.name);
  return Object.entries(asked.algo.options)
    .filter(([option, value]) => same.some(({ options }) => options[option] !== value))
    .map(([option, value]) => `${option} ${value}`);
}

const facetsOf = ({ asked }: RunJson): Readonly<Record<string, string>> => ({
  objective: asked.objective,
  ablation: asked.ablation,
  patchType: `${asked.patchType} patch`,
  from: asked.ablateFrom === 'corrupt' ? '' : `from ${asked.ablateFrom}`,
  reverse: asked.reverse ? 'reversed' : '',
  backend: asked.backend.name,
});
