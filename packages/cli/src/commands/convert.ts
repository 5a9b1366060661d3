/** @file `auto-circuit convert`: scores and circuits to other tools' formats and back. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Circuit, Graph, NodeScores, PruneScores, TransformerLayout } from '@auto-circuit/core/plugin';
import type { EapIgContent, PromptScoreFile } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { READ_FLAGS, readOptions } from '../context/read-options.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { readGraphFile } from '../open/eap-ig-file.js';
import { graphOfFolder } from '../open/graph-folder.js';
import { readText } from '../open/read-text.js';
import { noPromptScores } from '../run/prompt-scores.js';
import { folderName } from '../run/run-folder.js';
import { formatCount, quoted } from '../terminal/numbers.js';
import { writePromptParquet } from './prompt-parquet.js';

const FORMATS = ['eap-ig', 'mib', 'auto-circuit', 'parquet'] as const;
type Format = (typeof FORMATS)[number];

const FLAGS = {
  to: { type: 'enum', values: FORMATS, doc: 'the format to write', unset: 'needed' },
  out: { type: 'string', placeholder: 'PATH', doc: 'where to write', unset: 'beside the source' },
  model: {
    type: 'string',
    placeholder: 'MODEL',
    doc: 'the model that an EAP-IG graph belongs to',
    unset: 'what the file says of it',
  },
  name: { type: 'string', placeholder: 'TASK_MODEL', doc: 'name of the MIB folder', unset: 'from the run' },
  overwrite: { type: 'boolean', default: false, doc: 'replace existing files' },
  ...READ_FLAGS,
} as const satisfies FlagTable;

/** What was read, whatever the format. */
interface Content {
  readonly graph: Graph;
  /** Null for a circuit without scores. */
  readonly scores: PruneScores | null;
  /** Null where it is the whole model. */
  readonly circuit: Circuit | null;
  readonly nodes: NodeScores | null;
  /** What else an EAP-IG graph said. */
  readonly eapIg: EapIgContent | null;
  /** `ioi_gpt2`, where it is known. */
  readonly name: string | null;
  /** Scores of single prompts, of a run that kept them. */
  readonly byPrompt?: PromptScoreFile;
}

/** `auto-circuit convert`. */
export const convertCommand: CliCommand = {
  build: () =>
    addFlags(
      new Command('convert').description('Converts scores and circuits to and from the formats of other tools'),
      FLAGS,
    )
      .argument('<source>', 'a run folder, circuit.json, an EAP-IG graph, or a MIB folder')
      .addHelpText(
        'after',
        '\nExamples:\n  $ auto-circuit convert runs/ioi --to eap-ig\n  $ auto-circuit convert graph.json --to auto-circuit --model gpt2\n  $ auto-circuit convert runs/ioi --to parquet     each prompt’s scores, of a run with --per-prompt',
      ),
  async run(cli, command) {
    const [source] = command.processedArgs as [string];
    const values = cli.flags(FLAGS);
    const to: Format = requireFlag(values.to, command, '--to', 'eap-ig');
    const path = resolve(cli.cwd, source);
    const content = await readSource(cli, path, source);
    const out = values.out === undefined ? defaultOut(path, to) : resolve(cli.cwd, values.out);
    const written = await WRITERS[to](content, out, {
      shown: source,
      name: values.name ?? content.name,
      overwrite: values.overwrite,
    });
    const { output } = cli;
    if (output.jsonOnly) {
      output.json({
        from: source,
        to,
        written,
        edges: content.graph.edgeCount,
        circuit: content.circuit?.edges.length ?? null,
        scores: scoresOf(content),
      });
      return;
    }
    const circuit = content.circuit ? `, ${formatCount(content.circuit.edges.length)} of them in the circuit` : '';
    output.line(`${formatCount(content.graph.edgeCount)} edges${circuit}; ${SCORES_TEXT[scoresOf(content)]}`);
    for (const file of written) output.line(`wrote ${file}`);
  },
};

const SCORES_TEXT = {
  none: 'no scores',
  edges: 'scores of edges',
  'edges and nodes': 'scores of edges and of nodes',
  nodes: 'scores of nodes, also given to their edges',
  neurons: 'scores of neurons, summed for nodes and the edges out of them',
} as const;

/** Which scores were read. */
function scoresOf({ scores, nodes, eapIg }: Content): keyof typeof SCORES_TEXT {
  if (scores === null) return 'none';
  const of = eapIg?.scoresOf ?? 'edges';
  return of === 'edges' && nodes ? 'edges and nodes' : of;
}

async function readSource(cli: Cli, path: string, shown: string): Promise<Content> {
  const { fileError } = await import('@auto-circuit/core/run');
  let folder: boolean;
  try {
    folder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw fileError('convert', 'read', shown, cause);
  }
  if (!folder) return readJsonSource(cli, path, shown, null);
  if (existsSync(join(path, 'run.json')) || existsSync(join(path, 'circuit.json'))) return readOwnFolder(cli, path);
  const file = graphOfFolder('convert', path, shown);
  if (file) return readJsonSource(cli, file.path, file.shown, file.folder);
  throw new AutoCircuitError({
    code: 'unsupported-format',
    fields: { path: shown },
    where: 'convert',
    what: `${shown} is not a folder that can be converted`,
    expected: 'a run folder, one that convert wrote, or a MIB folder with one importances file',
    got: 'no .json file',
  });
}

async function readOwnFolder(cli: Cli, path: string): Promise<Content> {
  const { RUN_FILES, readPromptScores, readRun, readScoresFolder } = await import('@auto-circuit/core/run');
  const options = readOptions(cli);
  const run = existsSync(join(path, RUN_FILES.run)) ? (await readRun(path, options)).asked : null;
  const content = await readScoresFolder(path, options);
  if (content) {
    const name = run && `${folderName(run.data.name)}_${folderName(run.model.name)}`;
    const kept = run?.perPrompt && readPromptScores(join(path, RUN_FILES.promptScores), content.graph);
    return { ...content, eapIg: null, name, ...(kept ? { byPrompt: kept } : {}) };
  }
  throw new AutoCircuitError({
    code: 'run-unfinished',
    fields: { path },
    where: 'convert',
    what: `the run in ${path} is not finished`,
    fix: `to continue: auto-circuit discover --resume --out ${quoted(path)}`,
  });
}

async function readJsonSource(cli: Cli, path: string, shown: string, name: string | null): Promise<Content> {
  const { fromEapIg, parseCircuitJson, parseJson } = await import('@auto-circuit/core/run');
  const { unflattenScores } = await import('@auto-circuit/core');
  const graph = await readGraphFile('convert', path, shown);
  if (isRecord(graph) && 'cfg' in graph) {
    const eapIg = fromEapIg(graph, await layoutOf(cli, graph.cfg, shown), shown);
    return { ...eapIg, eapIg, name };
  }
  const text = await readText(path, shown);
  const value = parseJson(text, { where: 'convert', path: shown });
  if (isRecord(value) && 'graph' in value) {
    const { circuit, scores } = parseCircuitJson(text, shown);
    const flat = new Float64Array(circuit.graph.edgeCount);
    for (const [number, score] of scores) flat[number] = score;
    const scored = scores.size > 0 || circuit.edges.length === 0;
    return {
      graph: circuit.graph,
      scores: scored ? unflattenScores(circuit.graph, flat) : null,
      circuit,
      nodes: null,
      eapIg: null,
      name,
    };
  }
  throw new AutoCircuitError({
    code: 'unsupported-format',
    fields: { path: shown },
    where: 'convert',
    what: `${shown} is not in a known format`,
    expected: 'circuit.json (with "graph" and "edges") or an EAP-IG graph (with "cfg", "nodes" and "edges")',
  });
}

/** The layout of an EAP-IG graph: the model's, or as the file has it (every query head with its own K and V). */
async function layoutOf(cli: Cli, cfg: unknown, shown: string): Promise<TransformerLayout> {
  const { model } = cli.flags(FLAGS);
  if (model !== undefined) {
    const { loadNamedModel } = await import('../open/open-model.js');
    const { layout } = (await loadNamedModel(cli, model, false, { shapeOnly: true })).model.spec;
    if (layout.kind === 'transformer') return layout;
    throw new AutoCircuitError({
      code: 'unsupported-model',
      fields: { model },
      where: 'convert',
      what: `${model} is a toy model; EAP-IG has no graphs of those`,
    });
  }
  const { n_layers: layers, n_heads: heads, d_model: dModel, parallel_attn_mlp: parallel } = isRecord(cfg) ? cfg : {};
  if (typeof layers !== 'number' || typeof heads !== 'number' || typeof dModel !== 'number') {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: shown, key: 'cfg' },
      where: 'convert',
      what: `${shown} does not say enough about its model`,
      expected: 'n_layers, n_heads and d_model in "cfg"',
      fix: 'name the model with --model',
    });
  }
  return { kind: 'transformer', layers, heads, kvHeads: heads, dModel, mlp: true, parallel: parallel === true };
}

interface WriteOptions {
  /** The source as the user typed it. */
  readonly shown: string;
  readonly name: string | null;
  readonly overwrite: boolean;
}
const WRITERS: Readonly<Record<Format, (content: Content, out: string, options: WriteOptions) => Promise<string[]>>> = {
  'eap-ig': async (content, out, options) => [await writeEapIg(content, out, options)],
  mib: async (content, out, options) => {
    if (options.name === null) {
      throw new AutoCircuitError({
        code: 'missing-option',
        fields: { option: '--name' },
        where: 'convert',
        what: 'the MIB folder needs a name',
        fix: 'give it as --name TASK_MODEL, for example --name ioi_gpt2',
      });
    }
    const folder = join(out, options.name);
    const { makeFolderFor } = await import('@auto-circuit/core/run');
    await makeFolderFor('convert', folder);
    return [await writeEapIg(content, join(folder, 'importances.json'), options)];
  },
  'auto-circuit': writeOwn,
  parquet: async ({ byPrompt }, out, { overwrite, shown }) => {
    if (!byPrompt) throw noPromptScores('convert', shown);
    refuseExisting(out, overwrite);
    await writePromptParquet(out, byPrompt);
    return [out];
  },
};

async function writeEapIg(
  { graph, scores, circuit, nodes, eapIg }: Content,
  out: string,
  { overwrite }: WriteOptions,
): Promise<string> {
  const { toEapIg, writeFileAtomic } = await import('@auto-circuit/core/run');
  const { unflattenScores } = await import('@auto-circuit/core');
  // Scores that edges only got from their nodes are written as they were read: of nodes, with 0 on the edges.
  const borrowed = eapIg?.scoresOf === 'nodes' || eapIg?.scoresOf === 'neurons';
  const ofEdges = borrowed ? unflattenScores(graph, new Float64Array(graph.edgeCount)) : scores;
  const json = toEapIg(graph, ofEdges, circuit ?? undefined, {
    nodes: nodes ?? undefined,
    neurons: eapIg?.neurons ?? undefined,
  });
  refuseExisting(out, overwrite);
  await writeFileAtomic(out, `${JSON.stringify(json)}\n`);
  return out;
}

async function writeOwn(content: Content, out: string, { overwrite, shown }: WriteOptions): Promise<string[]> {
  const { circuitOfEdges, RUN_FILES, SCORES_FOLDER_FILES, writeScoresFolder } = await import('@auto-circuit/core/run');
  if (content.eapIg) circuitOfEdges(content.eapIg, shown);
  for (const file of SCORES_FOLDER_FILES) refuseExisting(join(out, RUN_FILES[file]), overwrite);
  return writeScoresFolder(out, content);
}

function refuseExisting(path: string, overwrite: boolean): void {
  if (overwrite || !existsSync(path)) return;
  throw new AutoCircuitError({
    code: 'file-exists',
    fields: { path },
    where: 'convert',
    what: `${path} is already there`,
    fix: 'choose another --out, or give --overwrite',
  });
}

function defaultOut(source: string, to: Format): string {
  const stem = join(dirname(source), basename(source, '.json'));
  if (to === 'mib') return dirname(source);
  if (to === 'parquet') return `${stem}.scores-by-prompt.parquet`;
  return to === 'eap-ig' ? `${stem}.eap-ig.json` : `${stem}.auto-circuit`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
