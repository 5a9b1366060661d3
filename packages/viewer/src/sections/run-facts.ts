/** @file What was run, in words: the options of a run by name. */
import type { ReportInput } from '@auto-circuit/core/run';
import { count, plural } from '../markup/text.js';
import { edgesWords, modelWords, optionsWords } from './graph-words.js';

type Options = Readonly<Record<string, unknown>>;
/** `name value, …`; empty texts are left out. */
export const optionsText = (values: Options): string =>
  Object.entries(values)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
/** An algorithm or metric with its options. */
export const namedText = ({ name, options }: { readonly name: string; readonly options: Options }): string =>
  Object.keys(options).length ? `${name} (${optionsText(options)})` : name;

/** What was run, as pairs of name and value. */
export function runFacts({ run, graph }: Pick<ReportInput, 'run' | 'graph'>): (readonly [string, string])[] {
  const { asked, prompts, versions, runtime, hardware = [] } = run;
  const { model, data, backend } = asked;
  const lengths = Object.entries(prompts.lengths).map(([length, n]) => `${count(n)} of ${length} tokens`);
  const reversed = asked.reverse ? ', clean and corrupt exchanged' : '';
  const from = asked.ablation === 'resample' ? '' : ` from ${asked.ablateFrom}`;
  return [
    ['model', `${model.name} (${model.processing.length ? model.processing.join(', ') : 'weights as they are'})`],
    ['data', data.name],
    [
      'prompts',
      `${count(prompts.train)} for scores, ${count(prompts.test)} measured${asked.test === 'same' ? ' (the same ones)' : ''}; ${lengths.join(', ')}`,
    ],
    ['algorithm', namedText(asked.algo)],
    ['objective', asked.objective],
    ['patching', `${asked.patchType} patch, ${asked.ablation} ablation${from}${reversed}`],
    ['metrics', asked.metrics.map(namedText).join(', ')],
    ['model size', `${modelWords(graph)}; residual stream of ${count(graph.layout.dModel)}`],
    ['graph', `${edgesWords(graph)}; ${optionsWords(graph)}`],
    ['batch size', `${asked.batchSize}`],
    ['seed', `${asked.seed}`],
    ['backend', `${backend.name} on ${backend.device}, ${plural(backend.threads, 'thread')} (${runtime})`],
    ['model key', model.key],
    ['data hash', data.hash],
    ...(hardware.length > 1 ? [['mixed hardware', hardware.join(' | ')] as const] : []),
    ['versions', optionsText(versions)],
  ];
}

/** A model's name in a title: of a folder's path the last name. */
export const titleOfModel = (name: string): string =>
  /^(?:[./\\~]|[A-Za-z]:[\\/])/.test(name) ? (name.split(/[\\/]/).findLast((part) => part !== '') ?? name) : name;
