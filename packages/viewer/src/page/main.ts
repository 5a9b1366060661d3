/** @file What runs in the page. Without it the page shows the kept circuit, all charts and the strongest edges. */
import type { CircuitData } from '../drawing/circuit-data.js';
import { startChosenSizes } from './chosen-size.js';
import { startCircuit } from './circuit-section.js';
import { addExportButtons } from './export-figure.js';
import { startTheme } from './theme.js';

startTheme();
startChosenSizes();
addExportButtons();
const data = document.getElementById('data');
if (data) startCircuit(JSON.parse(data.textContent ?? '') as CircuitData);
