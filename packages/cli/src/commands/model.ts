/** @file `auto-circuit model M`: what its graph is, how many parameters it has and what memory it needs. */
import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import type { Graph, GraphOptions, ModelObject } from '@auto-circuit/core';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags } from '../flags/flag-table.js';
import { modelFlags } from '../flags/shared-flags.js';
import { formatBytes, formatCount } from '../terminal/numbers.js';
import { writeTable } from '../terminal/table.js';

const FLAGS = { process: modelFlags(true).process };

/** The graphs that `--factorized|--residual`, `--split-qkv|--joint-qkv` and `--kv-inputs` choose from. */
const VARIANTS: Readonly<Record<string, Omit<GraphOptions, 'positions'>>> = {
  'split QKV': { factorized: true, splitQkv: true, kvInputs: 'query-head' },
  'split QKV, K and V by KV head': { factorized: true, splitQkv: true, kvInputs: 'kv-head' },
  'joint QKV': { factorized: true, splitQkv: false, kvInputs: 'query-head' },
  'residual graph': { factorized: false, splitQkv: false, kvInputs: 'query-head' },
};

/** `auto-circuit model`. */
export const modelCommand: CliCommand = {
  build: () =>
    addFlags(new Command('model').description('Facts about a model: nodes, edges, parameters, memory'), FLAGS)
      .argument('<model>', 'shipped name, folder, named size (gpt2, pythia-70m, …), or hub name org/name')
      .addHelpText('after', '\nExamples:\n  $ auto-circuit model ioi-mini\n  $ auto-circuit model gemma-2-2b'),
  async run(cli, command) {
    const [name] = command.processedArgs as [string];
    const { model, text } = await open(cli, name, cli.flags(FLAGS).process);
    const graphs = await graphsOf(model);
    const memory = memoryOf(model, Object.values(graphs)[0]!);
    if (cli.output.jsonOnly) {
      const { layout, outputSize, maxPositions, parameters } = model.spec;
      const counts = Object.fromEntries(Object.entries(graphs).map(([variant, graph]) => [variant, countsOf(graph)]));
      cli.output.json({
        ...{ model: model.name, layout, output_size: outputSize, max_positions: maxPositions, parameters },
        ...{ tokenizer: text, processing: model.processing, graphs: counts, memory_bytes: memory },
      });
      return;
    }
    show(cli, model, text, graphs, memory);
  },
};

/** The model, and whether its input is text. Only its shape is read; of a named size nothing is fetched either. */
async function open(cli: Cli, name: string, process: boolean): Promise<{ model: ModelObject; text: boolean }> {
  const { namedShape } = await import('@auto-circuit/models');
  const named = existsSync(resolve(cli.cwd, name)) ? undefined : namedShape(name, process ? 'all' : 'none');
  if (named) return { model: named, text: true };
  const { loadNamedModel } = await import('../open/open-model.js');
  const { model, tokenizer } = await loadNamedModel(cli, name, process, { shapeOnly: true });
  return { model, text: tokenizer !== null };
}

/** The variants that make a graph of this model, and differ from those before them. */
async function graphsOf(model: ModelObject): Promise<Readonly<Record<string, Graph>>> {
  const { buildGraph } = await import('@auto-circuit/core/run');
  const graphs: Record<string, Graph> = {};
  for (const [variant, options] of Object.entries(VARIANTS)) {
    try {
      const graph = buildGraph(model.spec.layout, { ...options, positions: null });
      const twin = Object.values(graphs).some(
        (other) => JSON.stringify(other.options) === JSON.stringify(graph.options),
      );
      const label = model.spec.layout.kind === 'staged' && graph.options.factorized ? 'heads' : variant; // no Q, K, V there
      if (!twin) graphs[label] = graph;
    } catch (error) {
      // a sentence means that this model has no such graph
      if (!(error instanceof AutoCircuitError)) throw error;
    }
  }
  return graphs;
}

/** `8 in each MLP`, or `128 in 46 of 48 MLPs`. */
function expertsText(experts: readonly number[]): string {
  const mixed = experts.filter((count) => count > 0);
  const counts = [...new Set(mixed)].join(' or ');
  return mixed.length === experts.length
    ? `${counts} in each MLP`
    : `${counts} in ${mixed.length} of ${experts.length} MLPs`;
}

const countsOf = (graph: Graph) => ({
  sources: graph.sources.length,
  destinations: graph.destinations.length,
  edges: graph.edgesPerPosition,
});

const FLOAT_BYTES = 4;

/** Bytes: the weights, a second copy laid out for the kernels, and what pass 1 keeps for each token. */
function memoryOf(model: ModelObject, graph: Graph) {
  const weights = model.spec.parameters * FLOAT_BYTES;
  return { weights, prepacked: 2 * weights, per_token: graph.sources.length * graph.layout.dModel * FLOAT_BYTES };
}

function show(
  cli: Cli,
  model: ModelObject,
  text: boolean,
  graphs: Readonly<Record<string, Graph>>,
  memory: ReturnType<typeof memoryOf>,
): void {
  const { output } = cli;
  const { layout, outputSize, maxPositions, parameters } = model.spec;
  const facts: [string, string][] = [
    ['layers', `${layout.layers}`],
    [
      'heads',
      layout.kind === 'transformer' && layout.kvHeads !== layout.heads
        ? `${layout.heads} (${layout.kvHeads} KV heads)`
        : `${layout.heads}`,
    ],
    ['dModel', formatCount(layout.dModel)],
    [
      'blocks',
      layout.kind === 'staged'
        ? 'heads only'
        : !layout.mlp
          ? 'attention only'
          : layout.parallel
            ? 'attention and MLP in parallel'
            : 'attention, then MLP',
    ],
    ...(layout.kind === 'transformer' && layout.experts
      ? [['experts', expertsText(layout.experts)] as [string, string]]
      : []),
    ['output', `${formatCount(outputSize)} ${text ? 'tokens' : 'numbers'}`],
    ['positions', maxPositions === null ? 'no limit' : `up to ${formatCount(maxPositions)}`],
    [
      'parameters',
      `${formatCount(parameters)}${model.processing.length ? ' as processed; --no-process counts the checkpoint’s own' : ''}`,
    ],
    ['weights', model.processing.length ? model.processing.join(', ') : 'as they are'],
    [
      'memory',
      `${formatBytes(memory.weights)}, or ${formatBytes(memory.prepacked)} when laid out for speed; ${formatBytes(memory.per_token)} per token kept while patching`,
    ],
  ];
  output.line(output.colors.bold(model.name));
  for (const [label, value] of facts) output.line(`  ${output.colors.dim(label.padEnd(12))}${value}`);
  output.line();
  const columns = [
    { title: 'graph' },
    ...['sources', 'destinations', 'edges'].map((title) => ({ title, align: 'right' as const })),
  ];
  const rows = Object.entries(graphs).map(([variant, graph]) => [
    variant,
    ...Object.values(countsOf(graph)).map(formatCount),
  ]);
  writeTable(output, columns, rows, { indent: 2 });
  if (memory.weights > totalmem() / 2) {
    output.warn(`the weights take more than half of this machine's memory (${formatBytes(totalmem())})`);
  }
}
