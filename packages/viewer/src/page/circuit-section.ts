/** @file The section of the circuit: slider, search, position and chosen node, and what follows them all. */
import { type CircuitData, edgeName, edgesKept, edgesShown, edgeTotal } from '../drawing/circuit-data.js';
import { count, edgesText } from '../markup/text.js';
import { createDrawing, type Drawing, keyOf } from './circuit-drawing.js';
import { createCurveMarkers } from './curve-markers.js';
import { createEdgeTable } from './edge-table.js';
import { oncePerFrame, required } from './elements.js';
import { fileName, savePng, saveSvg, withLegend } from './export-figure.js';
import { createMovingLimit } from './moving.js';
import { listenToNodes } from './node-events.js';
import { firstNode } from './node-walk.js';
import { selectedEdges } from './selection.js';
import { createZoom } from './zoom.js';

/** Milliseconds without movement after which the slider rests. */
const REST_MS = 120;

/** Connects slider, search and drawing. */
export function startCircuit(data: CircuitData): void {
  const slider = required('#size', HTMLInputElement);
  const shownText = required('#shown', HTMLOutputElement);
  const search = required('#search', HTMLInputElement);
  const found = required('#found', HTMLElement);
  const positions = document.querySelector<HTMLSelectElement>('#position');
  const svg = required('#circuit', SVGSVGElement);
  const drawing: Drawing = createDrawing(svg, data, () => zoom.renew());
  const zoom = createZoom(svg, () => drawing.layout());
  const markers = createCurveMarkers();
  const table = createEdgeTable(data, (edge) => {
    search.value = edgeName(data, edge);
    picked = null;
    select();
  });

  let shown: readonly number[] = [];
  /** Whether the kept circuit is shown, until the slider is moved. */
  let keeping = data.first === data.start;
  /** Index of the node that was chosen, and of the one that the pointer or the focus is on. */
  let picked: number | null = null;
  let near: number | null = null;
  /** The key of the one place that the tab key reaches. */
  let reached: number | null = null;

  const size = (): number => data.stops[slider.valueAsNumber]!;
  const position = (): number | null => (positions && positions.value !== '' ? Number(positions.value) : null);
  const chosenEdges = (): number[] => (keeping ? edgesKept(data, position()) : edgesShown(data, size(), position()));

  function reach(key: number | null): void {
    if (reached !== null) drawing.elementOf(reached)?.removeAttribute('tabindex');
    reached = key;
    if (reached !== null) drawing.elementOf(reached)?.setAttribute('tabindex', '0');
  }

  function draw(): void {
    const focused = document.activeElement instanceof SVGGElement ? keyOf(document.activeElement) : null;
    shown = chosenEdges();
    drawing.show(shown);
    const part = keeping && position() === null && shown.length < data.keptSize;
    const words = part ? `${count(shown.length)} of ${edgesText(data.keptSize)}` : edgesText(shown.length);
    shownText.textContent = words;
    slider.setAttribute('aria-valuetext', words);
    markers(size());
    const stays = reached !== null && drawing.on().has(reached);
    reach(stays ? reached : firstNode(drawing.layout(), drawing.on()));
    if (focused !== null && drawing.on().has(focused)) drawing.elementOf(focused)?.focus();
    select();
  }

  /** While the slider moves: no more edges than are drawn in time, and only the drawing; all else when it rests. */
  const limit = createMovingLimit(edgeTotal(data));
  let rest = 0;
  const move = oncePerFrame(() => {
    clearTimeout(rest);
    keeping = false;
    const all = chosenEdges();
    shown = all.slice(0, limit.next(performance.now()));
    const words = edgesText(all.length);
    shownText.textContent = shown.length < all.length ? `${words}, ${count(shown.length)} drawn while it moves` : words;
    drawing.show(all, shown.length);
    markers(size());
    rest = window.setTimeout(draw, REST_MS);
  });

  function select(): void {
    const chosen = selectedEdges(data, shown, { node: picked, query: search.value });
    const passing = near === null ? null : selectedEdges(data, shown, { node: near, query: '' });
    drawing.light(
      passing ?? chosen,
      [picked, near].filter((node) => node !== null),
    );
    const all = chosen ?? shown;
    const of = picked === null ? '' : ` of ${data.nodes[picked]!.name}`;
    const matching = search.value.trim() === '' ? '' : ' that match';
    const words = `${edgesText(all.length)}${of}${matching}`;
    found.textContent = chosen === null ? '' : `${words}, of ${count(shown.length)} shown`;
    table.show(all, `${words} in this circuit`);
  }
  const selectSoon = oncePerFrame(select);

  slider.addEventListener('input', move);
  positions?.addEventListener('change', draw);
  search.addEventListener('input', selectSoon);
  required('#kept', HTMLButtonElement).addEventListener('click', () => {
    slider.value = `${data.start}`;
    keeping = true;
    if (positions) positions.value = '';
    search.value = '';
    picked = null;
    draw();
  });
  const name = fileName(document.title);
  required('#save-svg', HTMLButtonElement).addEventListener('click', () =>
    withLegend(drawing.svg, data, (svg) => saveSvg(svg, name)),
  );
  required('#save-png', HTMLButtonElement).addEventListener('click', () =>
    withLegend(drawing.svg, data, (svg) => savePng(svg, name)),
  );
  listenToNodes(drawing, data, () => shown, {
    approach(node) {
      if (near === node) return;
      near = node;
      selectSoon();
    },
    choose(node) {
      picked = picked === node ? null : node;
      select();
    },
    walk: reach,
  });
  document.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape' || (picked === null && search.value === '')) return;
    picked = null;
    search.value = '';
    select();
  });

  for (const control of document.querySelectorAll<HTMLElement>('.needs-script')) control.hidden = false;
  if (edgeTotal(data) > 0) draw();
  keepRowNames(drawing.svg, () => drawing.layout().width);
  scrollToUsed(drawing.svg, drawing.layout().columns.find((column) => column.used)?.left);
}

/** Pixels that the names of rows take at the left. */
const ROW_NAMES = 56;
/** Where the drawing is wider than the screen, its used columns come first, next to the names of rows. */
function scrollToUsed(svg: SVGSVGElement, left: number | undefined): void {
  const frame = svg.parentElement;
  if (left === undefined || !frame || frame.scrollWidth <= frame.clientWidth) return;
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  frame.scrollLeft = Math.max(0, left * scale - ROW_NAMES);
}

/** Names of rows stay in view. */
function keepRowNames(svg: SVGSVGElement, width: () => number): void {
  const frame = svg.parentElement;
  const rows = svg.querySelector<SVGGElement>('.rows');
  if (!frame || !rows) return;
  frame.addEventListener(
    'scroll',
    oncePerFrame(() => {
      const scale = svg.getBoundingClientRect().width / width();
      rows.classList.toggle('scrolled', frame.scrollLeft > 0);
      rows.setAttribute('transform', `translate(${Math.round(frame.scrollLeft / scale)} 0)`);
    }),
  );
}
