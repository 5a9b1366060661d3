/** @file The section of the report that shows the circuit: controls, drawing, legend. */
import type { ReportInput } from '@auto-circuit/core/run';
import { type CircuitData, edgesAtFirst, edgeTotal } from '../drawing/circuit-data.js';
import { circuitSvg } from '../drawing/circuit-svg.js';
import { legendHtml } from '../drawing/legend.js';
import { positionName } from '../drawing/node-markup.js';
import { sectionHtml } from '../markup/section.js';
import { count, edgesText, escapeHtml, percent } from '../markup/text.js';
import { layerMap } from './layer-map.js';

/** The section's HTML. */
export function circuitSection(input: ReportInput, data: CircuitData): string {
  const first = edgesAtFirst(data);
  const words = edgesText(first.length);
  const where = data.positions === null ? 'input below, output above' : 'a column for each token position, input below';
  const drawing = circuitSvg(data, first, `The circuit, ${where}. Arrow keys move from node to node.`);
  return sectionHtml(
    'circuit',
    'Circuit',
    `<div class="controls needs-script" hidden>
<label for="size" class="grow">Edges <input id="size" type="range" list="measured" min="0" max="${data.stops.length - 1}" value="${data.first}" aria-valuetext="${words}"></label>
<datalist id="measured">${data.measured.map((size) => `<option value="${data.stops.indexOf(size)}"></option>`).join('')}</datalist>
<output id="shown" for="size">${words}</output>
<button id="kept" type="button">Kept circuit</button>
</div>
<div class="controls needs-script" hidden>
<label for="search">Find <input id="search" type="search" list="names" placeholder="node or edge" autocomplete="off" spellcheck="false"></label>
<datalist id="names">${data.nodes.map(({ name }) => `<option value="${escapeHtml(name)}"></option>`).join('')}</datalist>
${positionSelect(data)}<button id="save-svg" type="button">Save SVG</button>
<button id="save-png" type="button">Save PNG</button>
<span class="zoom" role="group" aria-label="Size of the drawing"><button id="zoom-out" type="button" aria-label="Smaller">−</button><button id="zoom-fit" type="button">Fit</button><button id="zoom-in" type="button" aria-label="Larger" title="or Ctrl and the wheel">+</button></span>
<span id="found" class="note" role="status"></span>
</div>
<div class="scroll drawing" tabindex="0" role="region" aria-label="Drawing of the circuit">${drawing}</div>
${below(input, data)}`,
  );
}

function positionSelect(data: CircuitData): string {
  if (data.positions === null) return '';
  const options = data.positions.map(
    (_, position) => `<option value="${position}">${escapeHtml(positionName(data, position))}</option>`,
  );
  return `<label for="position">Position <select id="position"><option value="">all</option>${options.join('')}</select></label>\n`;
}

/** What stands below the drawing: its marks, how to use it, and what it leaves out. */
function below(input: ReportInput, data: CircuitData): string {
  const notes: string[] = [];
  if (data.first !== data.start) notes.push(largeCircuit(input, data));
  if (data.kept !== null)
    notes.push(
      'The kept circuit was not chosen by importance alone (--select). The slider shows the most important edges, “Kept circuit” shows that circuit.',
    );
  if (edgeTotal(data) < data.total)
    notes.push(
      `The drawing holds the ${count(edgeTotal(data))} most important of ${count(data.total)} edges; the scores of all are in the run folder.`,
    );
  const words = notes.map((note) => `<p class="note limit">${escapeHtml(note)}</p>`).join('');
  const use = `<p class="note needs-script" hidden>Select a node to see its edges. Ticks on the slider are measured sizes.</p>`;
  const map = data.first === data.start ? '' : `<div class="layer-map">${layerMap(input)}</div>`;
  return `${legendHtml(data)}${use}${words}${map}`;
}

/** What a circuit of thousands of edges means. */
function largeCircuit({ run, circuit, graph }: ReportInput, data: CircuitData): string {
  const size = edgesText(data.keptSize);
  const share = percent(circuit.edges.length / graph.edgeCount);
  const means =
    run.asked.keep === 'auto'
      ? `No smaller circuit that was measured stayed faithful: the behaviour is spread over ${size} (${share} of the graph), or these scores do not single out the edges that carry it.`
      : `The kept circuit has ${size} (${share} of the graph), as many as were asked for.`;
  const drawn = count(data.stops[data.first]!);
  const held = data.firstShare === null ? '' : `, which hold ${percent(data.firstShare)} of its importance`;
  return `${means} So many cannot be read in a drawing. At first it shows the ${drawn} most important edges${held}; the slider shows more.`;
}
