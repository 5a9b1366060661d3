/** @file `auto-circuit latents`: which latents of sparse autoencoders matter on some prompts, and a model file with these as sources. */
import { dirname, relative, resolve } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { LatentStrength } from '@auto-circuit/models';
import { Command, Option } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { DATA_FLAGS, GRAPH_FLAGS, modelFlags } from '../flags/shared-flags.js';
import { addBackendFlags } from '../open/open-backend.js';
import { backendLine, modelLine, writeHeader } from '../terminal/header.js';
import { formatValue } from '../terminal/numbers.js';
import { writeTable } from '../terminal/table.js';

const FLAGS = {
  task: { type: 'string', placeholder: 'NAME', doc: 'a task whose prompts are used', unset: 'needed, or --data' },
  data: { type: 'string', placeholder: 'FILE', doc: 'a prompt file', unset: 'the task’s own' },
  ...modelFlags(true, 'the task’s own'),
  top: { type: 'int', min: 1, default: 32, doc: 'how many latents of each autoencoder become sources' },
  out: { type: 'string', placeholder: 'FILE.json', doc: 'write a model file that --model takes', unset: 'none' },
  bos: DATA_FLAGS.bos,
  length: DATA_FLAGS.length,
  limit: DATA_FLAGS.limit,
  skipUnfit: DATA_FLAGS.skipUnfit,
  batchSize: { ...DATA_FLAGS.batchSize, doc: 'prompts per run; the numbers do not depend on it' },
} as const satisfies FlagTable;

/** Latents listed on the terminal, of each autoencoder. */
const SHOWN = 10;

interface Found {
  readonly folder: string;
  readonly site: string;
  /** `MLP 3`, `Resid Post 3`. */
  readonly node: string;
  readonly strengths: readonly LatentStrength[];
}

/** `auto-circuit latents`. */
export const latentsCommand: CliCommand = {
  build: () => {
    const command = new Command('latents').description(
      'Finds the latents of sparse autoencoders that matter on prompts, to use them as sources',
    );
    addFlags(command, FLAGS);
    const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
    const sae = new Option('--sae <FOLDER[,SITE]>', 'cfg.json and weights; may be repeated (needed)').argParser(
      collect,
    );
    return addBackendFlags(command.addOption(sae)).addHelpText(
      'after',
      `
Latents are ranked by how much they differ between clean and corrupt, averaged over tokens. What the chosen ones leave of an MLP's
output stays a separate source ("MLP 3 Error"), so the model's outputs do not change.

Example:
  $ auto-circuit latents --task ioi-mini --sae sae-folder --top 16 --out ioi-latents.json
  $ auto-circuit discover --task ioi-mini --model ioi-latents.json --algo eap`,
    );
  },
  async run(cli, command) {
    const values = cli.flags(FLAGS);
    const { sae = [] } = command.opts<{ sae?: readonly string[] }>();
    if (sae.length === 0) requireFlag(undefined, command, '--sae', 'FOLDER');
    const task = values.task === undefined ? null : (await cli.registry()).get('task', values.task);
    const data = requireFlag(values.data ?? task?.data, command, '--task', 'ioi-mini');
    const name = nameOf(requireFlag(values.model ?? task?.model, command, '--model', 'gpt2'));
    const { batchesOf } = await import('@auto-circuit/core');
    const { encodesResidual, readAutoencoder, strongestLatents, withLatents } = await import('@auto-circuit/models');
    const { loadedFor, loadNamedModel, openPatchable } = await import('../open/open-model.js');
    const { generatedPrompts, isGenerator, nameOfData, promptsLine, readPromptFile, shownData, tokenizeFile } =
      await import('../open/open-prompts.js');
    const read = isGenerator(data) ? null : await readPromptFile(cli, data);
    const loaded = await loadNamedModel(cli, name, values.process);
    const autoencoders = sae.map((text) => {
      const { folder, site } = saeOf(text);
      return { folder, autoencoder: readAutoencoder(resolve(cli.cwd, folder), site) };
    });
    // An autoencoder that does not fit the model is refused before anything runs.
    withLatents(
      loaded.model,
      autoencoders.map(({ autoencoder }) => ({ autoencoder, chosen: [0] })),
    );
    const { prompts, bosLine } = await tokenizeFile(cli, read ?? (await generatedPrompts(task!, loaded)), loaded);
    // the stream is a node of the residual graph only
    const factorized = !autoencoders.some(({ autoencoder }) => encodesResidual(autoencoder));
    const { model: long } = await loadedFor(cli, values.process, loaded, prompts);
    const opened = await openPatchable(cli, long, { ...cli.flags(GRAPH_FLAGS), factorized }, null);
    const found: Found[] = [];
    try {
      writeHeader(cli.output, {
        model: modelLine(opened.model, opened.graph),
        task: promptsLine(shownData(nameOfData(task, values.data, data), task, values.data), prompts, bosLine),
        backend: backendLine(opened.backend.info),
      });
      const batches = batchesOf(prompts, values.batchSize);
      const { patchable: model, backend } = opened;
      for (const { folder, autoencoder } of autoencoders) {
        cli.signal.throwIfAborted();
        const strengths = await strongestLatents({ model, backend, autoencoder, batches });
        const { site } = autoencoder;
        const block = opened.graph.sourceBlocks.find((own) => own.site === site)!;
        const node = opened.graph.sources[block.start]!.name;
        found.push({ folder, site, node, strengths: strengths.slice(0, values.top) });
      }
    } finally {
      await opened.dispose();
    }
    if (values.out !== undefined) await write(cli, name, found, values.out);
    show(cli, found, values.out);
  },
};

/** `FOLDER` or `FOLDER,SITE`; a number alone means that layer's MLP. */
function saeOf(text: string): { readonly folder: string; readonly site: string | undefined } {
  const [, folder, site, layer] = /^(.*?)(?:,(L\d+\.\w+|(\d+)))?$/s.exec(text)!;
  return { folder: folder!, site: layer === undefined ? site : `L${layer}.mlp` };
}

/** A model file names its model: a task that brings an object has none. */
function nameOf(model: unknown): string {
  if (typeof model === 'string') return model;
  throw new AutoCircuitError({
    code: 'missing-option',
    fields: { option: '--model' },
    where: 'latents',
    what: 'the task brings its model as an object, without a name',
    fix: 'use --model',
  });
}

async function write(cli: Cli, name: string, found: readonly Found[], out: string): Promise<void> {
  const { existsSync } = await import('node:fs');
  const { writeModelFile } = await import('@auto-circuit/models');
  const silent = found.find(({ strengths }) => strengths.length === 0);
  if (silent) {
    throw new AutoCircuitError({
      code: 'nothing-to-find',
      fields: { path: silent.folder },
      where: 'latents',
      what: `no latent of ${silent.folder} is active on these prompts`,
    });
  }
  const path = resolve(cli.cwd, out);
  const from = (folder: string): string => relative(dirname(path), resolve(cli.cwd, folder)) || '.';
  const autoencoders = found.map(({ folder, site, strengths }) => ({
    ...{ folder: from(folder), site, latents: strengths.map(({ latent }) => latent) },
  }));
  await writeModelFile(path, { model: existsSync(resolve(cli.cwd, name)) ? from(name) : name, autoencoders });
}

function show(cli: Cli, found: readonly Found[], out: string | undefined): void {
  const { output } = cli;
  if (output.jsonOnly) {
    output.json({ autoencoders: found, out: out ?? null });
    return;
  }
  const columns = [
    { title: 'source' },
    ...['difference', 'activity'].map((title) => ({ title, align: 'right' as const })),
  ];
  const rows = found.flatMap(({ node, strengths }) =>
    strengths
      .slice(0, SHOWN)
      .map(({ latent, difference, activity }) => [
        `${node} Latent ${latent}`,
        formatValue(difference),
        formatValue(activity),
      ]),
  );
  writeTable(output, columns, rows);
  for (const { node, strengths } of found)
    if (strengths.length > SHOWN) output.line(`… and ${strengths.length - SHOWN} more of ${node}`);
  if (out !== undefined) output.line(`${out}: auto-circuit discover --model ${out} …`);
}
