/** @file `auto-circuit convert`: scores and circuits to other tools' formats and back. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { Circuit, Graph, PruneScores, TransformerLayout } from '@auto-circuit/core/plugin';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { formatCount } from '../terminal/numbers.js';

const FORMATS = ['eap-ig', 'mib', 'auto-circuit'] as const;
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
  overwrite: { type: 'boolean', default: false, doc: 'replace what is there' },
} as const satisfies FlagTable;

/** What was read, whatever the format. */
interface Content {
  readonly graph: Graph;
  readonly scores: PruneScores;
  readonly circuit: Circuit | null;
  /** `ioi_gpt2`, where it is known. */
  readonly name: string | null;
}

/** `auto-circuit convert`. */
export const convertCommand: CliCommand = {
  build: () =>
    addFlags(new Command('convert').description('Scores and circuits to the formats of other tools and back'), FLAGS)
      .argument('<source>', 'a run folder, circuit.json, an EAP-IG graph, or a MIB folder')
      .addHelpText(
        'after',
        '\nExamples:\n  $ auto-circuit convert runs/ioi --to eap-ig\n  $ auto-circuit convert graph.json --to auto-circuit --model gpt2',
      ),
  async run(cli, command) {
    const [source] = command.processedArgs as [string];
    const values = cli.flags(FLAGS);
    const to: Format = requireFlag(values.to, command, '--to', 'eap-ig');
    const path = resolve(cli.cwd, source);
    const content = await readSource(cli, path, source);
    const out = values.out === undefined ? defaultOut(path, to) : resolve(cli.cwd, values.out);
    const written = await WRITERS[to](content, out, { name: values.name ?? content.name, overwrite: values.overwrite });
    const { output } = cli;
    if (output.jsonOnly) {
      output.json({
        from: source,
        to,
        written,
        edges: content.graph.edgeCount,
        circuit: content.circuit?.edges.length ?? null,
      });
      return;
    }
    const circuit = content.circuit ? `, ${formatCount(content.circuit.edges.length)} of them in the circuit` : '';
    output.line(`${formatCount(content.graph.edgeCount)} edges${circuit}`);
    for (const file of written) output.line(`wrote ${file}`);
  },
};

async function readSource(cli: Cli, path: string, shown: string): Promise<Content> {
  const { fileError } = await import('@auto-circuit/core/run');
  let folder: boolean;
  try {
    folder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw fileError('convert', 'read', shown, cause);
  }
  if (!folder) return readJsonSource(cli, path, shown, null);
  if (existsSync(join(path, 'run.json'))) return readRunFolder(path);
  const jsons = (await readdir(path)).filter((name) => extname(name) === '.json');
  if (jsons.length === 1) return readJsonSource(cli, join(path, jsons[0]!), join(shown, jsons[0]!), basename(path));
  throw new AutoCircuitError({
    code: 'unsupported-format',
    fields: { path: shown },
    where: 'convert',
    what: `${shown} is no folder that can be converted`,
    expected: 'a run folder (with run.json), or a MIB folder with one importances file',
    got: jsons.length === 0 ? 'no .json file' : `${jsons.length} .json files without a run.json`,
    fix: 'name the file',
  });
}

async function readRunFolder(path: string): Promise<Content> {
  const { buildGraph, parseCircuitJson, RUN_FILES, readRun, readScores } = await import('@auto-circuit/core/run');
  const { asked } = await readRun(path);
  const circuitPath = join(path, RUN_FILES.circuit);
  const circuitText = existsSync(circuitPath) ? await readFile(circuitPath, 'utf8') : null;
  if (circuitText === null) {
    throw new AutoCircuitError({
      code: 'run-unfinished',
      fields: { path },
      where: 'convert',
      what: `the run in ${path} is not finished`,
      fix: 'go on with it: auto-circuit discover … --resume',
    });
  }
  // circuit.json describes its graph in full; the scores belong to the same one
  const { circuit } = parseCircuitJson(circuitText, circuitPath);
  const graph = buildGraph(circuit.graph.layout, circuit.graph.options);
  const scores = readScores(join(path, RUN_FILES.scores), graph);
  return { graph, scores, circuit, name: plainName(`${asked.data.name}_${asked.model.name}`) };
}

async function readJsonSource(cli: Cli, path: string, shown: string, name: string | null): Promise<Content> {
  const { fromEapIg, parseCircuitJson, parseJson } = await import('@auto-circuit/core/run');
  const { unflattenScores } = await import('@auto-circuit/core');
  const text = await readFile(path, 'utf8');
  const value = parseJson(text, { where: 'convert', path: shown });
  if (isRecord(value) && 'cfg' in value) {
    const { graph, scores, circuit } = fromEapIg(value, await layoutOf(cli, value.cfg, shown), shown);
    // all edges in the graph means that the file only has scores
    return { graph, scores, circuit: circuit.edges.length === graph.edgeCount ? null : circuit, name };
  }
  if (isRecord(value) && 'graph' in value) {
    const { circuit, scores } = parseCircuitJson(text, shown);
    const flat = new Float64Array(circuit.graph.edgeCount);
    for (const [number, score] of scores) flat[number] = score;
    return { graph: circuit.graph, scores: unflattenScores(circuit.graph, flat), circuit, name };
  }
  throw new AutoCircuitError({
    code: 'unsupported-format',
    fields: { path: shown },
    where: 'convert',
    what: `${shown} has no format that is known here`,
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
      what: `${shown} does not say enough of its model`,
      expected: 'n_layers, n_heads and d_model in "cfg"',
      fix: 'name the model with --model',
    });
  }
  return { kind: 'transformer', layers, heads, kvHeads: heads, dModel, mlp: true, parallel: parallel === true };
}

interface WriteOptions {
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
    await mkdir(folder, { recursive: true });
    return [await writeEapIg(content, join(folder, 'importances.json'), options)];
  },
  'auto-circuit': writeOwn,
};

async function writeEapIg(
  { graph, scores, circuit }: Content,
  out: string,
  { overwrite }: WriteOptions,
): Promise<string> {
  const { toEapIg, writeFileAtomic } = await import('@auto-circuit/core/run');
  const json = toEapIg(graph, scores, circuit ?? undefined);
  refuseExisting(out, overwrite);
  await writeFileAtomic(out, `${JSON.stringify(json)}\n`);
  return out;
}

async function writeOwn(
  { graph, scores, circuit }: Content,
  out: string,
  { overwrite }: WriteOptions,
): Promise<string[]> {
  const { circuitToJson, RUN_FILES, writeFileAtomic, writeScores } = await import('@auto-circuit/core/run');
  const { makeCircuit } = await import('@auto-circuit/core');
  const files = { scores: join(out, RUN_FILES.scores), circuit: join(out, RUN_FILES.circuit) };
  for (const file of Object.values(files)) refuseExisting(file, overwrite);
  await mkdir(out, { recursive: true });
  await writeScores(files.scores, graph, scores);
  const kept =
    circuit ??
    makeCircuit(
      graph,
      Array.from({ length: graph.edgeCount }, (_, number) => number),
    );
  await writeFileAtomic(files.circuit, `${JSON.stringify(circuitToJson(kept, scores), null, 1)}\n`);
  return Object.values(files);
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
  return to === 'eap-ig' ? `${stem}.eap-ig.json` : `${stem}.auto-circuit`;
}

/** A name that is safe as a folder's. */
function plainName(name: string): string {
  return name.replace(/\.json$/, '').replace(/[^\w.-]+/g, '-');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
