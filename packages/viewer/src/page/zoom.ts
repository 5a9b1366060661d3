/**
 * @file The size of the drawing on the screen: as wide as its frame at first, larger and smaller by buttons, keys and the wheel
 * with Ctrl. The frame scrolls, so touch, keyboard and scroll bars move the drawing as they move everything else; a mouse drags it.
 */
import type { CircuitLayout } from '../drawing/circuit-layout.js';
import { required } from './elements.js';

/** Names can be read from here on. */
const READABLE = 0.72;
const LARGEST_AT_FIRST = 1.5;
const [LEAST, MOST] = [0.1, 6];
const STEP = 1.3;
/** Of the height of the window. */
const FIT_HEIGHT = 0.86;
/** A press that moves less than this is a click. */
const DRAG = 4;

/** The size of the drawing. */
export interface Zoom {
  /** The layout has changed: the chosen size stays, or the first one is found again. */
  renew(): void;
}

/** Connects buttons, keys, wheel and mouse. */
export function createZoom(svg: SVGSVGElement, layout: () => CircuitLayout): Zoom {
  const frame = svg.parentElement!;
  /** Pixels for each unit of the drawing; null until it is chosen. */
  let chosen: number | null = null;
  const bounded = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
  const across = (): number => frame.clientWidth / layout().width;
  const scale = (): number => chosen ?? bounded(across(), READABLE, LARGEST_AT_FIRST);

  function apply(): void {
    svg.style.minWidth = '0';
    svg.style.maxWidth = 'none';
    svg.style.width = `${Math.floor(layout().width * scale())}px`;
  }
  /** @param x,y the point of the screen that stays where it is */
  function zoomTo(next: number, x: number, y: number): void {
    const before = svg.getBoundingClientRect();
    const [u, v] = [(x - before.left) / before.width, (y - before.top) / before.height];
    chosen = bounded(next, LEAST, MOST);
    apply();
    const after = svg.getBoundingClientRect();
    frame.scrollLeft += after.left + u * after.width - x;
    window.scrollBy(0, after.top + v * after.height - y);
  }
  function zoomBy(factor: number): void {
    const { left, top, width } = frame.getBoundingClientRect();
    zoomTo(scale() * factor, left + width / 2, Math.max(top, 0) + 1);
  }
  function fit(): void {
    chosen = bounded(Math.min(across(), (window.innerHeight * FIT_HEIGHT) / layout().height), LEAST, LARGEST_AT_FIRST);
    apply();
    frame.scrollLeft = 0;
    svg.scrollIntoView({ block: 'nearest' });
  }

  required('#zoom-in', HTMLButtonElement).addEventListener('click', () => zoomBy(STEP));
  required('#zoom-out', HTMLButtonElement).addEventListener('click', () => zoomBy(1 / STEP));
  required('#zoom-fit', HTMLButtonElement).addEventListener('click', fit);
  svg.addEventListener('keydown', ({ key, ctrlKey, metaKey }) => {
    if (ctrlKey || metaKey) return;
    if (key === '+' || key === '=') zoomBy(STEP);
    else if (key === '-') zoomBy(1 / STEP);
    else if (key === '0') fit();
  });
  frame.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomTo(scale() * Math.exp(-bounded(event.deltaY, -60, 60) / 150), event.clientX, event.clientY);
    },
    { passive: false },
  );
  dragToScroll(svg, frame);
  window.addEventListener('resize', apply);
  apply();
  return { renew: apply };
}

/** A mouse moves the drawing by dragging it; touch scrolls by itself. */
function dragToScroll(svg: SVGSVGElement, frame: HTMLElement): void {
  let last: { x: number; y: number } | null = null;
  let dragging = false;
  svg.addEventListener('pointerdown', ({ clientX, clientY, pointerType, button }) => {
    dragging = false;
    if (pointerType === 'mouse' && button === 0) last = { x: clientX, y: clientY };
  });
  window.addEventListener('pointermove', ({ clientX, clientY, buttons }) => {
    if (!last) return;
    if (buttons === 0) {
      last = null;
      return;
    }
    const [dx, dy] = [clientX - last.x, clientY - last.y];
    if (!dragging && Math.hypot(dx, dy) < DRAG) return;
    dragging = true;
    svg.classList.add('dragged');
    frame.scrollLeft -= dx;
    window.scrollBy(0, -dy);
    last = { x: clientX, y: clientY };
  });
  window.addEventListener('pointerup', () => {
    last = null;
    svg.classList.remove('dragged');
  });
  svg.addEventListener(
    'click',
    (event) => {
      if (dragging) event.stopPropagation();
      dragging = false;
    },
    { capture: true },
  );
}
