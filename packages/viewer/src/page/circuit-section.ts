/** @file The section of the circuit: slider, search, position, nodes by pointer and keyboard, and what follows them all. */
import {
  type CircuitData,
  edgeName,
  edgesKept,
  edgesShown,
  edgeTotal,
  fromNode,
  scoreText,
  toNode,
} from '../drawing/circuit-data.js';
import { placeName } from '../drawing/node-markup.js';
import { count } from '../escape.js';
import { createDrawing, keyOf } from './circuit-drawing.js';
import { createCurveMarkers } from './curve-markers.js';
import { createEdgeTable } from './edge-table.js';
import { oncePerFrame, required } from './elements.js';
import { fileName, savePng, saveSvg } from './export-figure.js';
import { createMovingLimit } from './moving.js';
import { firstNode, nextNode } from './node-walk.js';
import { selectedEdges } from './selection.js';
import { createTooltip } from './tooltip.js';

const edgesText = (n: number): string => `${count(n)} ${n === 1 ? 'edge' : 'edges'}`;

export function startCircuit(data: CircuitData): void {
  const slider = required('#size', HTMLInputElement);
  const shownText = required('#shown', HTMLOutputElement);
  const search = required('#search', HTMLInputElement);
  const found = required('#found', HTMLElement);
  const positions = document.querySelector<HTMLSelectElement>('#position');
  const drawing = createDrawing(required('#circuit', SVGSVGElement), data);
  const tooltip = createTooltip();
  const markers = createCurveMarkers();
  const table = createEdgeTable(data, (edge) => {
    search.value = edgeName(data, edge);
    picked = null;
    select();
  });

  let shown: readonly number[] = [];
  /** Index of a node that was chosen, and of one that the pointer or the focus is on. */
  let picked: number | null = null;
  let near: number | null = null;
  /** The key of the one node that the tab key reaches. */
  let reached: number | null = null;

  /** Whether the circuit that was kept is shown, until the slider is moved. */
  let keeping = true;
  const chosenEdges = (): number[] => (keeping ? edgesKept(data, position()) : edgesShown(data, size(), position()));
  const size = (): number => data.stops[slider.valueAsNumber]!;
  const position = (): number | null => (positions && positions.value !== '' ? Number(positions.value) : null);

  function draw(): void {
    const focused = document.activeElement instanceof SVGGElement ? keyOf(document.activeElement) : null;
    shown = chosenEdges();
    drawing.show(shown);
    const words = edgesText(shown.length);
    shownText.textContent = words;
    slider.setAttribute('aria-valuetext', words);
    markers(size());
    if (reached === null || !drawing.on().has(reached)) reached = firstNode(drawing.layout(), drawing.on());
    for (const node of drawing.svg.querySelectorAll('.node')) node.removeAttribute('tabindex');
    if (reached !== null) drawing.elementOf(reached)?.setAttribute('tabindex', '0');
    if (focused !== null && drawing.on().has(focused)) drawing.elementOf(focused)?.focus();
    select();
  }

  function select(): void {
    const standing = { node: picked, query: search.value };
    const chosen = selectedEdges(data, shown, standing);
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
    table.show(all, chosen === null ? `${words} in this circuit` : `${words} in this circuit`);
  }

  /** While the slider moves: no more edges than are drawn in time, and nothing but the drawing; the rest when it rests. */
  const limit = createMovingLimit(edgeTotal(data));
  let rest = 0;
  const move = oncePerFrame(() => {
    clearTimeout(rest);
    keeping = false;
    const all = chosenEdges();
    const drawn = all.slice(0, limit.next(performance.now()));
    const words = edgesText(all.length);
    shownText.textContent = drawn.length < all.length ? `${words}, ${count(drawn.length)} drawn while it moves` : words;
    drawing.show(drawn);
    markers(size());
    rest = window.setTimeout(draw, 120);
  });
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
  required('#save-svg', HTMLButtonElement).addEventListener('click', () => saveSvg(drawing.svg, name));
  required('#save-png', HTMLButtonElement).addEventListener('click', () => savePng(drawing.svg, name));

  const nodeOf = (target: EventTarget | null): SVGGElement | null =>
    target instanceof Element ? target.closest<SVGGElement>('.node') : null;
  const placeOf = (element: SVGGElement) => drawing.layout().places.get(keyOf(element))!;

  function describe(element: SVGGElement): string[] {
    const place = placeOf(element);
    const here = shown.filter((edge) => place.position === null || data.edges.position?.[edge] === place.position);
    const entering = here.filter((edge) => toNode(data, edge) === place.node).length;
    const leaving = here.filter((edge) => fromNode(data, edge) === place.node).length;
    return [placeName(data, place), `${edgesText(entering)} in, ${count(leaving)} out`];
  }
  function approach(element: SVGGElement, x: number, y: number): void {
    if (!drawing.on().has(keyOf(element))) {
      tooltip.show(x, y, [...describe(element).slice(0, 1), 'not in this circuit']);
      return;
    }
    tooltip.show(x, y, describe(element));
    if (near === placeOf(element).node) return;
    near = placeOf(element).node;
    selectSoon();
  }
  function leave(): void {
    tooltip.hide();
    if (near === null) return;
    near = null;
    selectSoon();
  }
  function pick(element: SVGGElement): void {
    if (!drawing.on().has(keyOf(element))) return;
    const { node } = placeOf(element);
    picked = picked === node ? null : node;
    select();
  }

  let pointer: { readonly x: number; readonly y: number; readonly target: EventTarget | null } | null = null;
  const pointed = oncePerFrame(() => {
    if (!pointer) return;
    const { x, y, target } = pointer;
    const node = nodeOf(target);
    if (node) {
      approach(node, x, y);
      return;
    }
    const edge = drawing.edgeAt(x, y);
    if (near !== null) leave();
    if (edge === null) tooltip.hide();
    else
      tooltip.show(x, y, [
        edgeName(data, edge),
        scoreText(data, edge),
        `number ${count(edge + 1)} of ${count(data.total)}`,
      ]);
  });
  drawing.svg.addEventListener('pointermove', ({ clientX, clientY, target }) => {
    pointer = { x: clientX, y: clientY, target };
    pointed();
  });
  drawing.svg.addEventListener('pointerleave', () => {
    pointer = null;
    leave();
  });
  drawing.svg.addEventListener('click', ({ target }) => {
    const node = nodeOf(target);
    if (node) pick(node);
  });
  drawing.svg.addEventListener('focusin', ({ target }) => {
    const node = nodeOf(target);
    if (!node?.matches(':focus-visible')) return;
    const { left, bottom } = node.getBoundingClientRect();
    approach(node, left, bottom - 8);
  });
  drawing.svg.addEventListener('focusout', leave);
  drawing.svg.addEventListener('keydown', (event) => {
    const node = nodeOf(event.target);
    if (!node) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      pick(node);
      return;
    }
    const next = nextNode(drawing.layout(), drawing.on(), keyOf(node), event.key);
    if (!event.key.startsWith('Arrow')) return;
    event.preventDefault();
    if (next === null) return;
    node.removeAttribute('tabindex');
    reached = next;
    const element = drawing.elementOf(next);
    element?.setAttribute('tabindex', '0');
    element?.focus();
  });
  document.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape' || (picked === null && search.value === '')) return;
    picked = null;
    search.value = '';
    select();
  });

  for (const control of document.querySelectorAll<HTMLElement>('.needs-script')) control.hidden = false;
  if (edgeTotal(data) > 0) draw();
  // Where the drawing is wider than the screen, what is used of it comes first.
  const used = drawing.layout().columns.find((column) => column.used);
  const frame = drawing.svg.parentElement;
  if (used && frame && frame.scrollWidth > frame.clientWidth) frame.scrollLeft = Math.max(0, used.left - 60);
}
