"""How the page looks: its colours in light and dark, and its style sheet.

The colours are values so that a test can compute their contrast: WCAG 2.2 asks 4.5 : 1 of text and 3 : 1 of lines.
"""

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "page": "#ffffff",
    "card": "#f5f6f8",
    "text": "#1b1f24",
    "muted": "#565d67",
    "rule": "#dde0e5",
    "shade": "#c3c8d0",
    "axis": "#767d87",
    "link": "#1a56b0",
    "line": "#1f4e9c",
    "gain": "#0a6b4d",
    "loss": "#b02a1c",
    "warn": "#7a4b00",
    "warn-card": "#fff5df",
}

DARK: Mapping[str, str] = {
    "page": "#14171b",
    "card": "#1d2127",
    "text": "#e7e9ec",
    "muted": "#a5acb6",
    "rule": "#323841",
    "shade": "#434b57",
    "axis": "#7c848f",
    "link": "#8db8ff",
    "line": "#84b0ff",
    "gain": "#4cc79b",
    "loss": "#ff8d7e",
    "warn": "#f3c677",
    "warn-card": "#2c2517",
}

TEXT_ON: Mapping[str, tuple[str, ...]] = {
    "text": ("page", "card", "warn-card"),
    "muted": ("page", "card"),
    "link": ("page", "card", "warn-card"),
    "gain": ("page", "card"),
    "loss": ("page", "card"),
    "warn": ("page", "card", "warn-card"),
}
"""On which grounds each colour of text stands."""

LINES_ON: Mapping[str, tuple[str, ...]] = {
    "line": ("page",),
    "gain": ("page",),
    "loss": ("page",),
    "axis": ("page",),
    "link": ("page", "card"),
}
"""On which ground each colour of what is drawn stands."""

_RULES = """
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:70rem;padding:2rem clamp(1rem,4vw,2.5rem) 4rem;background:var(--page);color:var(--text);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1{font-size:1.75rem;line-height:1.2;margin:0;font-weight:650;letter-spacing:-.015em}
h2{font-size:1.2rem;line-height:1.3;margin:3rem 0 .75rem;padding-top:.9rem;border-top:1px solid var(--rule);
font-weight:650}
h3{font-size:1rem;margin:1.75rem 0 .5rem;font-weight:650}
p{margin:.5rem 0;max-width:46rem}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
code{font:.875em/1.4 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
.lead,.note,figcaption,caption,dt,footer{color:var(--muted)}
.lead{margin:.25rem 0 0;font-size:1.05rem}
.note,figcaption,footer{font-size:.875rem}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--page);padding:.25rem .5rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;list-style:none;margin:1.25rem 0 0;padding:0;font-size:.9rem}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1.25rem;margin:1.25rem 0 0;
font-size:.9rem}
.facts dd,.tiles dd{margin:0}
.warn{margin:1.25rem 0 0;padding:.7rem 1rem;border-left:4px solid var(--warn);background:var(--warn-card);
font-size:.925rem}
.warn p{margin:.2rem 0}
.warn ul{margin:.2rem 0;padding-left:1.2rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(9.5rem,100%),1fr));gap:.6rem;margin:.5rem 0 0}
.tiles div{background:var(--card);border-radius:.4rem;padding:.65rem .85rem}
.tiles dt{font-size:.82rem}
.tiles dd{font-size:1.15rem;line-height:1.35;font-weight:600}
.tiles .long{font-size:.92rem}
.tiles small{display:block;font-size:.8rem;font-weight:400;color:var(--muted)}
.gain{color:var(--gain)}
.loss{color:var(--loss)}
td.gain::before,dd.gain::before{content:"+"}
figure{margin:.5rem 0 1.5rem}
figcaption{max-width:46rem}
.plot{display:block;overflow:visible;width:calc(100% - 4.25rem);margin:2rem 0 2.1rem 4.25rem}
.plot.high{height:14rem}
.plot.low{height:6rem;margin-top:3.6rem}
.plot svg{overflow:visible}
.plot text{font-size:.78rem;fill:var(--muted)}
.plot .y text{text-anchor:end}
.plot .x text{text-anchor:middle}
.plot .x .end{text-anchor:end}
.plot .x .begin,.plot .unit{text-anchor:start}
.plot line{stroke:var(--rule)}
.plot line.zero{stroke:var(--axis)}
.plot path{vector-effect:non-scaling-stroke;stroke:none}
.plot .line{fill:none;stroke:var(--line);stroke-width:1.75px;stroke-linejoin:round}
.plot .dot{fill:var(--line);stroke:var(--page);stroke-width:1.5px}
.plot.low .dot{fill:var(--loss)}
.plot .gain{fill:var(--gain)}
.plot .loss{fill:var(--loss)}
.plot .fall{fill:var(--loss);fill-opacity:.28;stroke:var(--loss);stroke-width:1.25px}
.wide{overflow-x:auto;margin:.25rem 0 1rem;position:relative;
background:linear-gradient(to right,var(--page) 40%,transparent) 0 0/2rem 100% no-repeat local,
linear-gradient(to left,var(--page) 40%,transparent) 100% 0/2rem 100% no-repeat local,
linear-gradient(to right,var(--shade),transparent) 0 0/.7rem 100% no-repeat scroll,
linear-gradient(to left,var(--shade),transparent) 100% 0/.7rem 100% no-repeat scroll}
.date{white-space:nowrap}
table{border-collapse:collapse;font-size:.875rem;min-width:100%}
caption{text-align:left;padding:.25rem 0 .5rem;font-size:.875rem}
caption span{display:block;position:sticky;left:0;max-width:min(46rem,calc(100vw - 2.5rem))}
th,td{padding:.32rem .7rem .32rem 0;text-align:left;vertical-align:top;white-space:nowrap;overflow-wrap:normal;
border-bottom:1px solid var(--rule)}
th:last-child,td:last-child{padding-right:0}
thead th{font-weight:600;color:var(--muted);border-bottom-color:var(--axis);vertical-align:bottom}
tbody th{font-weight:500}
.n{text-align:right}
.w{white-space:normal;min-width:14rem}
tbody tr:hover{background:var(--card)}
.bar{width:30%;min-width:8rem;vertical-align:middle;padding-left:.5rem}
.bar i{display:block;position:relative;height:.7rem}
.bar i::before{content:"";position:absolute;left:var(--z);top:-.25rem;bottom:-.25rem;border-left:1px solid var(--axis)}
.bar b{position:absolute;top:0;bottom:0;border-radius:1px}
.bar .gain{background:var(--gain)}
.bar .loss{background:var(--loss)}
summary{cursor:pointer;color:var(--link);font-size:.9rem;margin:.5rem 0}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
footer{margin-top:3rem;padding-top:.9rem;border-top:1px solid var(--rule)}
@media (min-width:48rem){.tiles{grid-template-columns:repeat(4,1fr)}}
@media (max-width:40rem){
body{padding-top:1.25rem}
.facts{grid-template-columns:1fr;gap:0}
.facts dd{margin-bottom:.5rem}
.plot{width:calc(100% - 3.25rem);margin-left:3.25rem}
.plot .x .second,.bar{display:none}
}
@media print{
@page{margin:14mm}
body{max-width:none;padding:0;font-size:10pt}
nav,.skip{display:none}
h2{margin-top:1.6rem}
h2,h3,caption{break-after:avoid}
caption,figure,.tiles div,tr,.warn{break-inside:avoid}
a{color:inherit;text-decoration:none}
.wide{overflow:visible;background:none}
table{font-size:7pt;width:100%}
th,td{white-space:normal;padding-right:.35rem;overflow-wrap:break-word}
.n{overflow-wrap:normal}
.w{min-width:0}
.plot.high{height:11rem}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""


def style_sheet() -> str:
    """Return the CSS of the page."""
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    return f":root{{{_variables(LIGHT)}}}\n{dark}{_RULES}"


def _variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())
