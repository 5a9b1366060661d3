/** @file From node to node with the arrow keys: along a row, or to the nearest node of the next row that has any. */
import type { CircuitLayout, Place } from '../drawing/circuit-layout.js';

const STEPS: Readonly<Record<string, 'left' | 'right' | 'up' | 'down'>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

/** The key of the node that an arrow key leads to; null at the border, and for other keys. */
export function nextNode(layout: CircuitLayout, on: ReadonlySet<number>, from: number, key: string): number | null {
  const step = STEPS[key];
  const start = layout.places.get(from);
  if (step === undefined || start === undefined) return null;
  const sideways = step === 'left' || step === 'right';
  const forward = step === 'right' || step === 'down' ? 1 : -1;
  let best: { readonly key: number; readonly far: number; readonly aside: number } | null = null;
  for (const candidate of on) {
    const place = layout.places.get(candidate);
    if (!place || candidate === from || (sideways && place.y !== start.y)) continue;
    const far = forward * (sideways ? place.x - start.x : place.y - start.y);
    const aside = sideways ? 0 : Math.abs(place.x - start.x);
    if (far > 0 && (!best || far < best.far || (far === best.far && aside < best.aside))) {
      best = { key: candidate, far, aside };
    }
  }
  return best?.key ?? null;
}

/** Where walking starts: the node lowest in the drawing, leftmost. */
export function firstNode(layout: CircuitLayout, on: ReadonlySet<number>): number | null {
  let first: { readonly key: number; readonly place: Place } | null = null;
  for (const key of on) {
    const place = layout.places.get(key);
    if (!place) continue;
    if (!first || place.y > first.place.y || (place.y === first.place.y && place.x < first.place.x))
      first = { key, place };
  }
  return first?.key ?? null;
}
