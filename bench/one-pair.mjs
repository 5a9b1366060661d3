/** @file What the benches of large models share: one pair of prompts of made-up tokens, EAP on it through the command line, and a row of what it took. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A clean and a corrupt side of so many tokens, all different, and an answer of each. */
export function onePair(tokens, vocabulary) {
  const words = (seed) => Array.from({ length: tokens }, (_, i) => (i * 7919 + seed * 104_729) % vocabulary);
  return { clean: words(1), corrupt: words(2), answers: [11], wrongAnswers: [22] };
}

/** Writes the pair into a folder, and gives the arguments of `discover` that score it and measure a circuit of 100 edges. */
export async function discoverOnePair({ folder, model, tokens, vocabulary }) {
  const { wrongAnswers, ...sides } = onePair(tokens, vocabulary);
  const data = join(folder, `prompts-${tokens}.json`);
  await writeFile(data, JSON.stringify({ prompts: [{ ...sides, wrong_answers: wrongAnswers }] }));
  const what = ['discover', '--model', model, '--data', data, '--algo', 'eap', '--test', 'same', '--no-process'];
  const how = [
    '--edges',
    '100',
    '--keep',
    '100',
    '--metric',
    'logit-diff',
    '--overwrite',
    '--out',
    join(folder, 'run'),
  ];
  return [...what, ...how];
}

/** A row: a title, peaks in MiB and seconds of what `measuredChild` gives. */
export function costRow(title, { peak, seconds, cpuSeconds }) {
  const cells = [peak.resident, peak.own, peak.mapped].map((mib) => mib.toFixed(0).padStart(10)).join('');
  return `${title}${cells}${seconds.toFixed(1).padStart(20)} (${cpuSeconds.toFixed(1)} of processors)`;
}
