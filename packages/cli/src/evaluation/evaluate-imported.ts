/** @file The numbers of scores and circuits that belong to no run: a folder that `convert` wrote, or a file of EAP-IG or MIB. */
import { join, resolve } from 'node:path';
import type { Circuit, Graph, PruneScores } from '@auto-circuit/core';
import type { NodeScores } from '@auto-circuit/core/plugin';
import type { CircuitSizes, EvaluateRequest } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { readOptions } from '../context/read-options.js';
import { readGraphFile } from '../open/eap-ig-file.js';
import { checkMetricNames } from '../run/check-flags.js';
import { knownFor } from '../run/named-contributions.js';
import { openRun } from '../run/open-run.js';
import { circuitDefaults, type FlagDefaults, withDefaults } from '../run/run-defaults.js';
import { MEASURE_FLAGS } from '../run/run-flags.js';
import { chosenMetrics, circuitSettings } from '../run/run-request.js';
import { parseSizes } from '../run/sizes.js';
import { withTaskDefaults } from '../run/task-defaults.js';
import { curveNumbers, sizesFor, splitMetrics } from './curve-numbers.js';
import { EVALUATE_OUT_FLAGS, withBar } from './measuring.js';
import { asksForProtocol } from './mib-flags.js';
import { measureByMib } from './mib-protocol.js';
import { showEvaluation } from './show-evaluation.js';

/** What was found in a file or folder. */
interface Imported {
  readonly scores: PruneScores | null;
  readonly nodes: NodeScores | null;
  /** MIB's second form. */
  readonly circuits?: readonly Circuit[];
  /** @throws AutoCircuitError for a circuit that cannot be run here; null: the whole model */
  circuit(): Circuit | null;
  /** What the user should know of the scores. */
  readonly remark: string | null;
}

/** Where scores and a circuit come from. */
export interface ImportedSource {
  /** As the user typed it. */
  readonly name: string;
  readonly path: string;
  /** The flags that make its graph. */
  readonly graphDefaults: FlagDefaults;
  /** Whether its own circuit is meant where no sizes are asked for. */
  readonly circuitFirst: boolean;
  read(graph: Graph): Promise<Imported>;
}

/** A folder with `circuit.json` and `scores.safetensors`; null for one without scores. */
export async function scoresFolderSource(cli: Cli, path: string, name: string): Promise<ImportedSource | null> {
  const { checkSameGraph, readScoresFolder } = await import('@auto-circuit/core/run');
  const content = await readScoresFolder(path, readOptions(cli));
  if (!content || content.scores === null) return null;
  return {
    ...{ name, path },
    graphDefaults: circuitDefaults(content.graph),
    circuitFirst: false,
    async read(graph) {
      checkSameGraph(content.graph, graph, join(name, 'circuit.json'));
      return { ...content, circuit: () => content.circuit, remark: null };
    },
  };
}

/** A file of EAP-IG or MIB; null for another JSON file, or none. */
export async function eapIgSource(path: string, name: string): Promise<ImportedSource | null> {
  const { circuitOfEdges, fromEapIg } = await import('@auto-circuit/core/run');
  const value = await readGraphFile('evaluate', path, name);
  if (value === null) return null;
  return {
    ...{ name, path },
    // The only graph that the format has.
    graphDefaults: { factorized: true, splitQkv: true, kvInputs: 'query-head', tokenPositions: false },
    circuitFirst: true,
    async read({ layout }) {
      if (layout.kind !== 'transformer') {
        throw new AutoCircuitError({
          code: 'unsupported-model',
          where: 'evaluate',
          what: `${name} was made for a transformer, but the model is a toy model without attention`,
        });
      }
      const content = fromEapIg(value, layout, name);
      const { scores, nodes, scoresOf } = content;
      return { scores, nodes, circuit: () => circuitOfEdges(content, name), remark: REMARKS[scoresOf ?? 'edges'] };
    },
  };
}

/** A MIB folder of several circuits, for `--protocol mib`; null where one of the files is none of EAP-IG's. */
export async function circuitsSource(
  path: string,
  name: string,
  files: readonly string[],
): Promise<ImportedSource | null> {
  const sources: ImportedSource[] = [];
  for (const file of files) {
    const source = await eapIgSource(join(path, file), join(name, file));
    if (!source) return null;
    sources.push(source);
  }
  return {
    ...sources[0]!,
    ...{ name, path },
    async read(graph) {
      const circuits: Circuit[] = [];
      for (const source of sources) {
        const circuit = (await source.read(graph)).circuit();
        if (!circuit) throw wholeModel(source.name);
        circuits.push(circuit);
      }
      return { scores: null, nodes: null, circuits, circuit: () => null, remark: null };
    },
  };
}

const wholeModel = (name: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'circuit-mismatch',
    fields: { path: name },
    where: 'evaluate',
    what: `${name} marks no circuit: all of its edges are in the graph, or none`,
    fix: 'leave it out of the folder',
  });

const REMARKS = {
  edges: null,
  nodes: 'the file has scores of nodes; every edge has the score of its source',
  neurons: 'the file has scores of neurons; every edge has the sum of its source’s',
} as const;

/** Measures the circuit of a source, or circuits of the sizes asked for by its scores; nothing is written but `--out`. */
export async function evaluateImported(plainCli: Cli, command: Command, source: ImportedSource): Promise<void> {
  const { evaluate, metricText, toJsonText, writeFileAtomic } = await import('@auto-circuit/core/run');
  const cli = withDefaults(await withTaskDefaults(plainCli, command), command, source.graphDefaults);
  const { metric, edges, threshold } = cli.flags(MEASURE_FLAGS);
  const { metrics: named, numbers } = await splitMetrics(metric);
  await checkMetricNames(cli, named);
  const opened = await openRun(cli, command);
  try {
    const imported = await source.read(opened.graph);
    if (asksForProtocol(cli, command)) {
      const { scores, nodes, circuits } = imported;
      const scored = scores && { scores, nodes };
      await measureByMib(cli, command, { name: source.name, opened, scored, ...(circuits ? { circuits } : {}) });
      return;
    }
    const ownCircuit = source.circuitFirst && edges === undefined && threshold === undefined && numbers.length === 0;
    const circuit = ownCircuit || imported.scores === null ? imported.circuit() : null;
    const metrics = await chosenMetrics(cli, named, opened);
    let target: EvaluateRequest['target'];
    if (circuit && ownCircuit) target = { kind: 'circuit', circuit };
    else {
      if (imported.scores === null) throw oneSize(source.name, edges, threshold);
      if (imported.remark) cli.output.warn(imported.remark);
      const sizes = await sizesFor(numbers, sizesAsked(edges, threshold, numbers), opened.graph.edgeCount);
      target = { kind: 'scores', scores: imported.scores, sizes };
    }
    const settings = await circuitSettings(cli, command);
    const request = {
      ...settings,
      model: opened.patchable,
      prompts: opened.prompts,
      metrics,
      known: await knownFor(opened, metrics),
      target,
    };
    const measurements = await withBar(cli, (hooks) => evaluate(request, hooks));
    const { out } = cli.flags(EVALUATE_OUT_FLAGS);
    if (out !== undefined) await writeFileAtomic(resolve(cli.cwd, out), toJsonText(measurements, out));
    const curve = {
      place: opened,
      select: settings.select ?? 'threshold',
      rankBy: settings.rankBy ?? 'absolute',
      measurements,
    } as const;
    await showEvaluation(cli, {
      run: null,
      circuit: target.kind === 'circuit' ? source.path : null,
      scores: target.kind === 'scores' ? source.path : null,
      opened,
      measurements,
      numbers: target.kind === 'scores' ? await curveNumbers(cli, numbers, { ...curve, scores: target.scores }) : [],
      shown: metrics.map(metricText),
      kept: null,
      allSizes: target.kind === 'circuit' || edges !== undefined,
    });
    if (out !== undefined && !cli.output.jsonOnly) cli.output.line(`\nfiles   ${out}`);
  } finally {
    await opened.dispose();
  }
}

/** Sizes by flags; where only numbers such as CPR are asked for, which have sizes of their own, no others. */
function sizesAsked(
  edges: string | undefined,
  threshold: number | undefined,
  numbers: readonly string[],
): CircuitSizes {
  const own = numbers.includes('cpr') || numbers.includes('cmd');
  if (own && edges === undefined && threshold === undefined) return { by: 'list', counts: [] };
  return parseSizes('evaluate', edges, threshold);
}

function oneSize(name: string, edges: string | undefined, threshold: number | undefined): AutoCircuitError {
  const option = edges !== undefined ? '--edges' : threshold !== undefined ? '--threshold' : '--metric';
  return new AutoCircuitError({
    code: 'invalid-option',
    fields: { option, got: edges ?? threshold },
    where: 'evaluate',
    what: `${name} has a circuit but no scores, so there are no circuits of other sizes`,
    fix: 'leave --edges, --threshold and metrics of the whole curve out',
  });
}
