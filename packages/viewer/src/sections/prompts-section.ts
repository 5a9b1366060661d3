/** @file The section of the report that shows some prompts, their answers, and what the model and its circuit make of them. */
import { fromJsonNumber, type Measurement, type ReportInput } from '@auto-circuit/core/run';
import { sectionHtml } from '../markup/section.js';
import { count, escapeHtml, plural, shortNumber } from '../markup/text.js';

/** Words of an answer that are shown; there may be a hundred of them. */
const MOST_ANSWERS = 4;

/** What is measured of each prompt, if it was. */
interface PromptValues {
  readonly metric: string;
  readonly unit: string;
  /** By place among the test prompts; undefined where that size was not measured. */
  readonly model: Measurement['points'][number]['promptValues'];
  readonly circuit: Measurement['points'][number]['promptValues'];
}

/** The section's HTML; empty where the run kept no prompts as text. */
export function promptsSection(input: ReportInput): string {
  const { examples = [], test } = input.run.prompts;
  if (examples.length === 0) return '';
  const values = promptValues(input);
  const cell = (head: string, list: PromptValues['model'], at: number): string =>
    list?.[at] === undefined ? '' : `<td class="n" data-label="${head}">${shortNumber(fromJsonNumber(list[at]))}</td>`;
  const rows = examples.map(({ at, clean, corrupt, answers, wrongAnswers }) => {
    const numbers = values ? cell('model', values.model, at) + cell('circuit', values.circuit, at) : '';
    return `<tr><td class="text" data-label="clean prompt">${escapeHtml(clean.trim())}</td><td class="text" data-label="corrupt prompt">${escapeHtml(corrupt.trim())}</td><td data-label="answer">${words(answers)}</td><td data-label="wrong answer">${words(wrongAnswers)}</td>${numbers}</tr>`;
  });
  const heads = ['clean prompt', 'corrupt prompt', 'answer', 'wrong answer'].map(
    (head) => `<th scope="col">${head}</th>`,
  );
  const numbers = values
    ? [values.model ? 'model' : null, values.circuit ? 'circuit' : null]
        .filter((head) => head !== null)
        .map((head) => `<th scope="col" class="n">${head}</th>`)
    : [];
  const said = `${plural(examples.length, 'example')} of the ${plural(test, 'prompt')} that circuits were measured on.`;
  const meaning = values
    ? ` The numbers are ${escapeHtml(values.metric)} in ${escapeHtml(values.unit)}${values.metric === 'logit-diff' ? ', how far the answer is ahead of the wrong answer,' : ''} on the clean prompt: ${[values.model ? 'of the whole model' : null, values.circuit ? 'of the kept circuit, with everything else patched' : null].filter(Boolean).join(', and ')}.`
    : '';
  return sectionHtml(
    'prompts',
    'Prompts',
    `<p class="note">${said}${meaning}</p><div class="scroll" tabindex="0" role="region" aria-label="Examples of prompts"><table class="prompts"><thead><tr>${[...heads, ...numbers].join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`,
  );
}

function words(answers: readonly string[]): string {
  const shown = answers.slice(0, MOST_ANSWERS).map((answer) => `<code>${escapeHtml(answer.trim() || answer)}</code>`);
  const more = answers.length - MOST_ANSWERS;
  return `${shown.join(' ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

/** The logit difference by prompt, or the first metric that has values by prompt. */
function promptValues({ measurements, circuit, graph, run }: ReportInput): PromptValues | null {
  if (run.asked.reverse) return null; // measured on the corrupt prompts
  const able = measurements.filter(({ points }) => points.some(({ promptValues }) => promptValues !== undefined));
  const chosen = able.find(({ metric }) => metric === 'logit-diff') ?? able[0];
  if (!chosen) return null;
  const of = (size: number) =>
    chosen.points.find(({ edges, promptWeights }) => edges === size && promptWeights === undefined)?.promptValues;
  const [model, own] = [of(graph.edgeCount), of(circuit.edges.length)];
  return model || own ? { metric: chosen.metric, unit: chosen.unit, model, circuit: own } : null;
}
