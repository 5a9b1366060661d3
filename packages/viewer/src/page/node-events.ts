/** @file What pointer, touch and keyboard do in the drawing: approach, choose and walk between nodes, name edges. */
import { type CircuitData, edgeName, fromNode, scoreText, toNode } from '../drawing/circuit-data.js';
import { placeName } from '../drawing/node-markup.js';
import { count, edgesText } from '../markup/text.js';
import { type Drawing, keyOf } from './circuit-drawing.js';
import { oncePerFrame } from './elements.js';
import { nextNode } from './node-walk.js';
import { createTooltip } from './tooltip.js';

/** Called with the index of a node, or null when the pointer or the focus has left it. */
export interface NodeHandlers {
  approach(node: number | null): void;
  choose(node: number): void;
  /** The arrow keys have led to the place of this key. */
  walk(key: number): void;
}

/** @param shown the edges that are drawn now */
export function listenToNodes(
  { svg, on, layout, elementOf, edgeAt }: Drawing,
  data: CircuitData,
  shown: () => readonly number[],
  { approach, choose, walk }: NodeHandlers,
): void {
  const tooltip = createTooltip();
  const nodeOf = (target: EventTarget | null): SVGGElement | null =>
    target instanceof Element ? target.closest<SVGGElement>('.node') : null;
  const placeOf = (element: SVGGElement) => layout().places.get(keyOf(element))!;

  function describe(element: SVGGElement): string[] {
    const place = placeOf(element);
    const here = shown().filter((edge) => place.position === null || data.edges.position?.[edge] === place.position);
    const entering = here.filter((edge) => toNode(data, edge) === place.node).length;
    const leaving = here.filter((edge) => fromNode(data, edge) === place.node).length;
    const lost = element.classList.contains('lost') ? ['no drawn path to the output'] : [];
    return [placeName(data, place), `${edgesText(entering)} in, ${count(leaving)} out`, ...lost];
  }
  function near(element: SVGGElement, x: number, y: number): void {
    tooltip.show(x, y, describe(element));
    approach(placeOf(element).node);
  }
  function leave(): void {
    tooltip.hide();
    approach(null);
  }

  let pointer: { readonly x: number; readonly y: number; readonly target: EventTarget | null } | null = null;
  const pointed = oncePerFrame(() => {
    if (!pointer) return;
    const { x, y, target } = pointer;
    const node = nodeOf(target);
    if (node) {
      near(node, x, y);
      return;
    }
    approach(null);
    const edge = edgeAt(x, y);
    if (edge === null) tooltip.hide();
    else tooltip.show(x, y, [edgeName(data, edge), scoreText(data, edge), rankText(data, edge)]);
  });
  svg.addEventListener('pointermove', ({ clientX, clientY, target }) => {
    pointer = { x: clientX, y: clientY, target };
    pointed();
  });
  svg.addEventListener('pointerleave', () => {
    pointer = null;
    leave();
  });
  svg.addEventListener('click', ({ target }) => {
    const node = nodeOf(target);
    if (node) choose(placeOf(node).node);
  });
  svg.addEventListener('focusin', ({ target }) => {
    const node = nodeOf(target);
    if (!node?.matches(':focus-visible')) return;
    const { left, bottom } = node.getBoundingClientRect();
    near(node, left, bottom - 8);
  });
  svg.addEventListener('focusout', leave);
  svg.addEventListener('keydown', (event) => {
    const node = nodeOf(event.target);
    if (!node) return;
    const chooses = event.key === 'Enter' || event.key === ' ';
    if (!chooses && !event.key.startsWith('Arrow')) return;
    event.preventDefault();
    if (chooses) {
      choose(placeOf(node).node);
      return;
    }
    const next = nextNode(layout(), on(), keyOf(node), event.key);
    if (next === null) return;
    walk(next);
    elementOf(next)?.focus();
  });
}

const rankText = (data: CircuitData, edge: number): string => `rank ${count(edge + 1)} of ${count(data.total)}`;
