/** @file `auto-circuit query`: the circuit behind one answer to one prompt, in seconds. */
import { join, resolve } from 'node:path';
import type { Prompt } from '@auto-circuit/core';
import type { DiscoverRequest, DiscoverResult } from '@auto-circuit/core/run';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { DATA_FLAGS, GRAPH_FLAGS, modelFlags, OBJECTIVE_FLAGS, PATCH_FLAGS } from '../flags/shared-flags.js';
import { addTableOptions } from '../flags/table-flags.js';
import { addBackendFlags } from '../open/open-backend.js';
import type { LoadedModel, OpenedModel } from '../open/open-model.js';
import { addAnswerFlags, type PairTexts, pairFile, pairOf } from '../open/prompt-pair.js';
import { algoOptions, namedAlgo } from '../run/choose-algo.js';
import { ablationNamed, metricsNamed, objectiveNamed } from '../run/named-contributions.js';
import { phaseBar } from '../run/run-discover.js';
import { parseCount, parseSizes } from '../run/sizes.js';
import { showQuery } from '../show/show-query.js';
import { tokenText } from '../show/top-tokens.js';
import { backendLine, modelLine, writeHeader } from '../terminal/header.js';
import { countOf } from '../terminal/numbers.js';

const FLAGS = {
  ...modelFlags(true),
  prompt: { type: 'string', doc: 'the prompt whose answer is to be explained', unset: 'needed' },
  corrupt: {
    type: 'string',
    doc: 'another prompt of as many tokens, whose activations are patched in',
    unset: 'needed, but not with --ablation zero',
  },
  algo: {
    type: 'string',
    placeholder: 'NAME',
    default: 'eap-ig-inputs',
    doc: 'what scores the edges; see "list algos"',
  },
  edges: { type: 'string', placeholder: 'N,…', doc: 'circuit sizes', unset: 'a search for the smallest faithful one' },
  keep: { type: 'string', placeholder: 'N|auto', default: 'auto', doc: 'size of the circuit that is shown' },
  top: { type: 'int', min: 0, default: 12, doc: 'edges to show' },
  out: {
    type: 'string',
    placeholder: 'DIR',
    doc: 'a folder for the prompt, the scores and the circuit',
    unset: 'none',
  },
  bos: DATA_FLAGS.bos,
} as const satisfies FlagTable;

/** `auto-circuit query`. */
export const queryCommand: CliCommand = {
  build: () => {
    const command = new Command('query').description('Finds the circuit behind one answer to one prompt');
    addAnswerFlags(
      addFlags(command, FLAGS),
      'default: the token that the model itself gives to the prompt, and to the corrupt one, or its second-best',
    );
    addTableOptions(addFlags(addFlags(command, OBJECTIVE_FLAGS), PATCH_FLAGS), 'algo', 'the algorithm', '');
    addBackendFlags(addFlags(command, GRAPH_FLAGS));
    return command.addHelpText(
      'after',
      `
Circuits are judged by their normalised deviation faithfulness on this prompt (metric ndf): 1 is as the whole model, 0 is as far
from it as with every edge patched. A circuit of one prompt says why the model gave this answer, not how it does a task.

Example:
  $ auto-circuit query --model ioi-mini \\
      --prompt "While Suri and Rosa waited at the bakery , Rosa handed a blanket to" \\
      --corrupt "While Suri and Rosa waited at the bakery , Tamar handed a blanket to"`,
    );
  },
  async run(cli, command) {
    const started = performance.now();
    const values = cli.flags(FLAGS);
    const name = requireFlag(values.model, command, '--model', 'ioi-mini');
    const clean = requireFlag(values.prompt, command, '--prompt', '"a prompt"');
    const { ablation, ablateFrom, reverse } = cli.flags(PATCH_FLAGS);
    const other = values.corrupt ?? (ablation.startsWith('zero') ? clean : undefined);
    const corrupt = requireFlag(other, command, '--corrupt', '"another prompt"');
    const sizes = parseSizes('query', values.edges, undefined);
    const keep = parseCount('query', '--keep', values.keep, 'auto', 0);
    const named = await namedAlgo(cli, 'query', values.algo);
    const { loadedFor, loadNamedModel, openPatchable } = await import('../open/open-model.js');
    const first = await loadNamedModel(cli, name, values.process);
    const { answer = [], wrong = [] } = command.opts<{ answer?: readonly string[]; wrong?: readonly string[] }>();
    const texts = { clean, corrupt, answer, wrong };
    const pair = await pairOf(cli, 'query', first, texts);
    const loaded = await loadedFor(cli, values.process, first, [pair]);
    const needs = { length: pair.clean.length, gradients: named.algo.gradients ?? true };
    const opened = await openPatchable(cli, loaded.model, cli.flags(GRAPH_FLAGS), pair.clean.length, needs);
    try {
      writeHeader(cli.output, {
        model: modelLine(opened.model, opened.graph),
        task: `one prompt of ${countOf(pair.clean.length, 'token')}`,
        backend: backendLine(opened.backend.info),
      });
      const prompt = await answered(opened, pair);
      const place = { graph: opened.graph, task: null, wordIdxs: {} };
      const request: DiscoverRequest = {
        model: opened.patchable,
        prompts: [prompt],
        algo: named.algo,
        algoOptions: await algoOptions(cli, named, place),
        metrics: await metricsNamed(cli, 'query', 'ndf,logit-diff'),
        objective: await objectiveNamed(cli, 'query', cli.flags(OBJECTIVE_FLAGS).objective ?? 'logit-diff'),
        sizes,
        keep,
        ablation: await ablationNamed(cli, 'query', ablation),
        ablateFrom,
        patchType: 'tree',
        reverse,
        length: null,
        limit: null,
        train: null,
        test: 'same',
        batchSize: 1,
        seed: 0,
        loadSeconds: (performance.now() - started) / 1000,
      };
      const { discover } = await import('@auto-circuit/core/run');
      const bar = phaseBar(cli.output);
      const result = await discover(request, {
        signal: cli.signal,
        onProgress: bar.report,
        onWarning(line) {
          bar.stop();
          cli.output.warn(line);
        },
      }).finally(bar.stop);
      const text = (id: number): string => tokenText(id, loaded.tokenizer);
      if (values.out !== undefined) {
        await writeOut(resolve(cli.cwd, values.out), result, loaded, {
          ...texts,
          answer: prompt.answers.map(text),
          wrong: prompt.wrongAnswers.map(text),
        });
      }
      const edges = await strongest(result, values.top);
      showQuery(cli.output, result, { prompt, tokenizer: loaded.tokenizer, edges, out: values.out ?? null });
    } finally {
      await opened.dispose();
    }
  },
};

/**
 * The prompt with the answers that were named. In place of a right one stands what the model says itself; in place of a wrong
 * one what it says to the corrupt prompt, or where that is the same, its second choice.
 */
async function answered({ patchable }: OpenedModel, prompt: Prompt): Promise<Prompt> {
  const { inputOf } = await import('@auto-circuit/core/plugin');
  const batch = { prompts: [prompt], length: prompt.clean.length };
  const ranked = async (side: 'clean' | 'corrupt'): Promise<number[]> => {
    const { data } = await patchable.run(inputOf(batch, side), 'last'); // [1, outputSize]
    return Array.from(data.keys()).sort((a, b) => data[b]! - data[a]! || a - b);
  };
  if (prompt.answers.length > 0 && prompt.wrongAnswers.length > 0) return prompt;
  const [clean, corrupt] = [await ranked('clean'), await ranked('corrupt')];
  const answers =
    prompt.answers.length > 0 ? prompt.answers : clean.filter((id) => !prompt.wrongAnswers.includes(id)).slice(0, 1);
  const others = [corrupt[0]!, ...clean].filter((id) => !answers.includes(id));
  return {
    ...prompt,
    answers,
    wrongAnswers: prompt.wrongAnswers.length > 0 ? prompt.wrongAnswers : others.slice(0, 1),
  };
}

/** The edges of the circuit with the largest |score|, the strongest first. */
async function strongest({ circuit, scores }: DiscoverResult, count: number) {
  const { edgeAt, flattenScores } = await import('@auto-circuit/core');
  const flat = flattenScores(circuit.graph, scores);
  return circuit.edges
    .toSorted((a, b) => Math.abs(flat[b]!) - Math.abs(flat[a]!) || a - b)
    .slice(0, count)
    .map((number) => ({ edge: edgeAt(circuit.graph, number).name, score: flat[number]! }));
}

/** `prompt.json`, `scores.safetensors`, `circuit.json`: what evaluate and convert read. */
async function writeOut(
  folder: string,
  { circuit, scores, nodes }: DiscoverResult,
  loaded: LoadedModel,
  texts: PairTexts,
): Promise<void> {
  const { promptFileText, writeFileAtomic, writeScoresFolder } = await import('@auto-circuit/core/run');
  await writeScoresFolder(folder, { graph: circuit.graph, circuit, scores, nodes: nodes ?? null });
  await writeFileAtomic(join(folder, 'prompt.json'), promptFileText(await pairFile('query', loaded, texts)));
}
