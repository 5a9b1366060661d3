/** @file `auto-circuit patch`: one edge-patching run on a pair of prompts, and what it does to the output. */
import type { Graph, PromptBatch } from '@auto-circuit/core';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { DATA_FLAGS, GRAPH_FLAGS, modelFlags, PATCH_FLAGS } from '../flags/shared-flags.js';
import { addBackendFlags } from '../open/open-backend.js';
import type { OpenedModel } from '../open/open-model.js';
import { addAnswerFlags, pairOf } from '../open/prompt-pair.js';
import { ablationNamed } from '../run/named-contributions.js';
import { type PairOutputs, showPatch } from '../show/show-patch.js';
import { backendLine, modelLine, writeHeader } from '../terminal/header.js';
import { countOf } from '../terminal/numbers.js';

const FLAGS = {
  ...modelFlags(true),
  clean: { type: 'string', doc: 'the prompt that is run', unset: 'needed' },
  corrupt: { type: 'string', doc: 'the prompt whose activations are patched in', unset: 'needed' },
  edges: {
    type: 'string',
    placeholder: 'EDGES',
    doc: 'names of the edges to patch, separated by commas',
    unset: 'needed',
  },
  complement: { type: 'boolean', default: false, doc: 'patch every edge except these: run them as a circuit' },
  top: { type: 'int', min: 1, max: 50, default: 8, doc: 'tokens to show' },
  bos: DATA_FLAGS.bos,
} as const satisfies FlagTable;

/** `auto-circuit patch`. */
export const patchCommand: CliCommand = {
  build: () => {
    const command = new Command('patch').description('Patches edges on one pair of prompts');
    addFlags(command, FLAGS);
    addAnswerFlags(command, 'none');
    addBackendFlags(addFlags(addFlags(command, PATCH_FLAGS), GRAPH_FLAGS));
    return command.addHelpText(
      'after',
      `
Models without a tokenizer take prompts and answers as JSON numbers: --clean "[5, 3, 8]".

Example:
  $ auto-circuit patch --model ioi-mini --edges "A2.3->Resid End,A2.0->Resid End" \\
      --clean "While Suri and Rosa waited at the bakery , Rosa handed a blanket to" \\
      --corrupt "While Suri and Rosa waited at the bakery , Tamar handed a blanket to" \\
      --answer " Suri" --wrong " Rosa"`,
    );
  },
  async run(cli, command) {
    const values = cli.flags(FLAGS);
    const name = requireFlag(values.model, command, '--model', 'ioi-mini');
    const clean = requireFlag(values.clean, command, '--clean', '"a prompt"');
    const corrupt = requireFlag(values.corrupt, command, '--corrupt', '"another prompt"');
    const edges = await edgeNames(
      requireFlag(values.edges, command, '--edges', '"A0.0->Resid End"'),
      values.complement,
    );
    const { loadedFor, loadNamedModel, openPatchable } = await import('../open/open-model.js');
    const first = await loadNamedModel(cli, name, values.process);
    const { answer = [], wrong = [] } = command.opts<{ answer?: readonly string[]; wrong?: readonly string[] }>();
    const pair = await pairOf(cli, 'patch', first, { clean, corrupt, answer, wrong });
    const { reverse } = cli.flags(PATCH_FLAGS);
    const prompt = reverse ? { ...pair, clean: pair.corrupt, corrupt: pair.clean } : pair;
    const loaded = await loadedFor(cli, values.process, first, [prompt]);
    const graphValues = cli.flags(GRAPH_FLAGS);
    const opened = await openPatchable(cli, loaded.model, graphValues, prompt.clean.length);
    try {
      const numbers = await edgeNumbers(opened.graph, edges);
      writeHeader(cli.output, {
        model: modelLine(opened.model, opened.graph),
        task: `one pair of prompts of ${countOf(prompt.clean.length, 'token')}`,
        backend: backendLine(opened.backend.info),
      });
      const batch: PromptBatch = { prompts: [prompt], length: prompt.clean.length };
      const outputs = await runPair(cli, opened, batch, numbers, values.complement);
      const patched = values.complement ? opened.graph.edgeCount - numbers.length : numbers.length;
      const count = { patched, edgeCount: opened.graph.edgeCount };
      showPatch(cli.output, outputs, { prompt, tokenizer: loaded.tokenizer, top: values.top, reverse, ...count });
    } finally {
      await opened.dispose();
    }
  },
};

/** `--edges` as names. @throws AutoCircuitError where it names none */
async function edgeNames(text: string, complement: boolean): Promise<readonly string[]> {
  const { edgeNamesIn } = await import('@auto-circuit/core/plugin');
  const names = edgeNamesIn(text);
  if (names.length > 0 || complement) return names; // all but none are all
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: '--edges', got: text },
    where: 'patch',
    what: '--edges names no edge',
    expected: 'names of edges, separated by commas, such as "A0.0->Resid End"',
    got: `"${text}"`,
    fix: 'logits shows the outputs without a patch',
  });
}

/** @throws AutoCircuitError for a name that means no edge. */
async function edgeNumbers(graph: Graph, names: readonly string[]): Promise<number[]> {
  const { edgesByName } = await import('@auto-circuit/core');
  return [...new Set(names.flatMap((name) => edgesByName(graph, name)))];
}

async function runPair(
  cli: Cli,
  opened: OpenedModel,
  batch: PromptBatch,
  edges: readonly number[],
  complement: boolean,
): Promise<PairOutputs> {
  const { inputOf, maskFromEdges } = await import('@auto-circuit/core/plugin');
  const { LogitsCheck, patchDescription } = await import('@auto-circuit/core/run');
  const { patchable, graph } = opened;
  const { ablation, ablateFrom } = cli.flags(PATCH_FLAGS);
  const patch = await patchDescription(
    patchable,
    { ablation: await ablationNamed(cli, 'patch', ablation), ablateFrom },
    [batch],
  );
  try {
    const mask = maskFromEdges(graph, edges, complement ? { inside: 0, outside: 1 } : { inside: 1, outside: 0 });
    const check = new LogitsCheck('patch');
    const rows = (logits: { readonly data: Float32Array }, whose?: string): Float32Array[] => {
      check.add(logits.data, patchable.outputSize, whose);
      return Array.from({ length: logits.data.length / patchable.outputSize }, (_, position) =>
        logits.data.subarray(position * patchable.outputSize, (position + 1) * patchable.outputSize),
      );
    };
    return {
      before: rows(await patchable.run(inputOf(batch, 'clean'))),
      other: rows(await patchable.run(inputOf(batch, 'corrupt'))),
      after: rows(await patchable.patchedRun(batch, { input: 'clean', patch, mask }), 'the patched outputs'),
    };
  } finally {
    if (patch.kind === 'mean') patch.dispose();
  }
}
