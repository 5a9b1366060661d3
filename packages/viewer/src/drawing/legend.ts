/** @file What the marks of a drawing mean: one list, for the page below the drawing and for saved files inside it. */
import { escapeHtml, shortNumber } from '../markup/text.js';
import type { CircuitData, Tone } from './circuit-data.js';
import { largestScore, lineWidth } from './edge-lines.js';

/** A mark as SVG in a box of `MARK` × `LINE`, and what it means. */
export interface LegendEntry {
  readonly mark: string;
  readonly words: string;
}

/** Size of a mark's box. */
export const MARK = 30;
/** See `MARK`. */
export const LINE = 14;
/** The widths that are explained: of the largest score, and of these shares of it. */
const SHARES = [1, 1 / 4, 1 / 25] as const;

const stroke = (tone: Tone, width: number): string =>
  `<path class="edge ${tone}" stroke-width="${width}" d="M2 ${LINE / 2}H${MARK - 2}"/>`;

/** The entries for a drawing of these data. */
export function legendEntries(data: CircuitData): LegendEntry[] {
  const largest = largestScore(data);
  const colours: LegendEntry[] = data.signed
    ? [
        { mark: stroke('pos', 3), words: 'supports the answer' },
        { mark: stroke('neg', 3), words: 'works against the answer' },
      ]
    : [{ mark: stroke('plain', 3), words: 'matters, for the answer or against it: these scores have no sign' }];
  const widths = SHARES.map((share) => ({
    mark: stroke('plain', lineWidth(share * largest, largest)),
    words: `${data.signed ? 'score ±' : 'importance '}${shortNumber(share * largest)}`,
  }));
  const inputs = ['Q', 'K', 'V'].map(
    (letter, i) =>
      `<rect x="${10 * i}.5" y="2.5" width="9" height="9" rx="2"/><text x="${10 * i + 5}" y="9.9">${letter}</text>`,
  );
  return [
    ...colours,
    ...(largest > 0 ? widths : []),
    ...(data.destinations.some(([name]) => /\.[QKV]$/.test(name))
      ? [{ mark: `<g class="inputs">${inputs.join('')}</g>`, words: 'edge into a head’s query, key or value' }]
      : []),
    ...(data.positions === null
      ? []
      : [
          {
            mark: `<path class="move" d="M2 7H22"/><path class="move-tip" d="M28 7l-6 -3v6z"/>`,
            words: 'moved by a head between positions',
          },
        ]),
    {
      mark: '<g class="node lost"><rect x="3" y="2" width="24" height="10" rx="5"/></g>',
      words: 'no drawn path to the output',
    },
  ];
}

/** The legend below the drawing in a page. */
export function legendHtml(data: CircuitData): string {
  const items = legendEntries(data).map(
    ({ mark, words }) =>
      `<li><svg class="circuit-mark" viewBox="0 0 ${MARK} ${LINE}" width="${MARK}" height="${LINE}" aria-hidden="true">${mark}</svg>${escapeHtml(words)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

/** Width of a letter of the legend, about. */
const LETTER = 6.1;
const ROW = 19;
/** The legend as a group inside a drawing of this width, from `top` down, and how high it is. */
export function legendGroup(
  data: CircuitData,
  width: number,
  top: number,
): { readonly svg: string; readonly height: number } {
  let [x, y] = [8, top];
  const entries = legendEntries(data).map(({ mark, words }) => {
    const wide = MARK + 6 + words.length * LETTER + 16;
    if (x > 8 && x + wide > width) [x, y] = [8, y + ROW];
    const entry = `<g class="entry" transform="translate(${Math.round(x)} ${y})">${mark}<text class="row" x="${MARK + 6}" y="11">${escapeHtml(words)}</text></g>`;
    x += wide;
    return entry;
  });
  return { svg: entries.join(''), height: y + ROW + 4 - top };
}
