/** @file What `query` says: the answer, circuits of several sizes with their faithfulness on the prompt, and the strongest edges of the kept one. */
import type { Prompt } from '@auto-circuit/core';
import type { DiscoverResult, JsonNumber } from '@auto-circuit/core/run';
import type { LoadedModel } from '../open/open-model.js';
import { countOf, formatCount, formatFaithfulness, formatSeconds, formatValue } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';
import { shownText, tokenText } from './top-tokens.js';

/** What is shown of an answered prompt. */
export interface ShownQuery {
  readonly prompt: Prompt;
  readonly tokenizer: LoadedModel['tokenizer'];
  /** The strongest edges of the circuit, the strongest first. */
  readonly edges: readonly { readonly edge: string; readonly score: number }[];
  /** The folder that was written, as the user typed it. */
  readonly out: string | null;
}

/** As tables, or as one JSON document. */
export function showQuery(output: Output, result: DiscoverResult, shown: ShownQuery): void {
  const { edges } = shown;
  const { circuit, measurements, timings } = result;
  const { graph } = circuit;
  const [ndf, difference] = [measurements[0]!, measurements[1]!];
  const sizes = ndf.points.map(({ edges, value }, i) => ({
    edges,
    ndf: value,
    logit_diff: difference.points[i]!.value,
  }));
  const kept = sizes.find(({ edges }) => edges === circuit.edges.length)!;
  const words = (tokens: readonly (number | readonly number[])[]) =>
    tokens.flat().map((id) => tokenText(id, shown.tokenizer));
  const answers = words(shown.prompt.answers);
  const wrong = words(shown.prompt.wrongAnswers);
  if (output.jsonOnly) {
    output.json({
      answers,
      wrong_answers: wrong,
      logit_diff: { model: difference.model, corrupt: difference.empty },
      edges_total: graph.edgeCount,
      edges_kept: circuit.edges.length,
      ndf: kept.ndf,
      sizes,
      edges,
      seconds: timings.seconds,
      ...(shown.out === null ? {} : { out: shown.out }),
    });
    return;
  }
  const { bold, dim } = output.colors;
  const right = (title: string) => ({ title, align: 'right' as const });
  const named = (list: readonly string[]): string => list.map((word) => shownText(word, shown.tokenizer)).join(', ');
  output.line(
    `${named(answers)} rather than ${named(wrong)}, by ${number(difference.model)} logits; ${number(difference.empty)} with every edge patched`,
  );
  output.line();
  writeTable(
    output,
    [right('edges'), right('ndf'), right('logit difference')],
    sizes.map((size) => [
      `${size === kept ? '> ' : ''}${formatCount(size.edges)}`,
      typeof size.ndf === 'number' ? formatFaithfulness(size.ndf) : size.ndf,
      number(size.logit_diff),
    ]),
  );
  output.line(
    dim('ndf: 1 as in the whole model, 0 as far from it as with every edge patched; > marks the circuit that is kept'),
  );
  if (edges.length > 0) {
    output.line();
    output.line(bold(`strongest of ${countOf(circuit.edges.length, 'edge')} (of ${formatCount(graph.edgeCount)})`));
    const columns = [{ title: 'edge' }, right('score')];
    writeTable(
      output,
      columns,
      edges.map(({ edge, score }) => [edge, number(score)]),
    );
  }
  output.line();
  const { load, score, measure } = timings.seconds;
  output.line(
    dim(
      `took ${formatSeconds(load + score + measure)}: opening ${formatSeconds(load)}, scores ${formatSeconds(score)}, circuits ${formatSeconds(measure)}`,
    ),
  );
  if (shown.out !== null) output.line(`files   ${shown.out}/circuit.json, scores.safetensors, prompt.json`);
}

const number = (value: JsonNumber): string => (typeof value === 'number' ? formatValue(value) : value);
