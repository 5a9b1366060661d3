/** @file The table of edges, the drawing in words: the edges that are shown and selected, some at first, more when asked for. */
import {
  type CircuitData,
  edgeName,
  edgeScore,
  edgeTotal,
  numberOf,
  signedNumber,
  toneOf,
} from '../drawing/circuit-data.js';
import { count, shortNumber } from '../markup/text.js';
import { required } from './elements.js';

const AT_ONCE = 100;

export interface EdgeTable {
  /** @param what how the edges are called in the line above the table */
  show(edges: readonly number[], what: string): void;
}

export function createEdgeTable(data: CircuitData, onPick: (edge: number) => void): EdgeTable {
  const section = required('#edges', HTMLElement);
  const body = required('tbody', HTMLTableSectionElement, section);
  const said = required('#edges-said', HTMLElement);
  const more = required('#edges-more', HTMLButtonElement);
  const largest = Math.abs(edgeTotal(data) ? edgeScore(data, 0) : 0) || 1;
  let all: readonly number[] = [];
  let rows = 0;
  let drawn = '';

  function fill(most: number): void {
    const shown = all.slice(0, most);
    rows = shown.length;
    const now = shown.join();
    if (now !== drawn) {
      drawn = now;
      body.replaceChildren(...shown.map((edge) => rowOf(data, edge, largest)));
    }
    more.hidden = rows >= all.length;
    more.textContent = `Show ${count(Math.min(AT_ONCE * 5, all.length - rows))} more`;
  }
  more.addEventListener('click', () => fill(rows + AT_ONCE * 5));
  body.addEventListener('click', ({ target }) => {
    const row = target instanceof Element ? target.closest('tr') : null;
    if (row?.dataset.edge !== undefined) onPick(Number(row.dataset.edge));
  });
  return {
    show(edges, what) {
      all = edges;
      fill(AT_ONCE);
      said.textContent = `${what}${rows < edges.length ? `; the first ${count(rows)} are listed` : ''}`;
    },
  };
}

function rowOf(data: CircuitData, edge: number, largest: number): HTMLTableRowElement {
  const score = edgeScore(data, edge);
  const error = data.edges.error?.[edge];
  const tone = toneOf(score, data.signed);
  const row = document.createElement('tr');
  row.dataset.edge = `${edge}`;
  const cell = (className: string, ...content: (string | Node)[]): void => {
    const element = document.createElement('td');
    element.className = className;
    element.append(...content);
    row.append(element);
  };
  const name = document.createElement('code');
  name.textContent = edgeName(data, edge);
  const bar = document.createElement('span');
  bar.className = 'bar';
  bar.style.width = `${Math.round(120 * Math.min(1, Math.abs(score) / largest))}px`;
  cell('n', `${edge + 1}`);
  cell('', name);
  cell(`n ${tone}`, signedNumber(score, data.signed));
  cell('n', error === undefined ? '' : shortNumber(numberOf(error)));
  cell(`wide ${tone}`, bar);
  return row;
}
