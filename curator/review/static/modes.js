// The modes, in the order of their tabs. What one is, stands in mode.js.

import { Classes } from "./classes.js";
import { Doubts } from "./doubts.js";
import { Grid } from "./grid.js";
import { Label } from "./label.js";
import { MapMode } from "./map.js";
import { Search } from "./search.js";

export const MODES = [Label, Grid, Doubts, MapMode, Search, Classes];
