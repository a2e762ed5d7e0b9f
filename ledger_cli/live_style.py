"""How the live view is laid out: in the terminal's own colours, so that it suits a light one as well as a dark one."""

STYLE = """
Screen { layers: base; background: ansi_default; color: ansi_default; }
* {
    scrollbar-size: 1 1; scrollbar-color: ansi_bright_black; scrollbar-background: ansi_default;
    scrollbar-color-hover: ansi_bright_black; scrollbar-background-hover: ansi_default;
    scrollbar-color-active: ansi_bright_black; scrollbar-background-active: ansi_default;
}
#top { height: 1; }
#where { width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
#moment { width: auto; padding-left: 2; }
#heading { height: auto; max-height: 6; overflow-y: auto; text-wrap: nowrap; text-overflow: ellipsis; }
#banner { height: auto; }
#overview { height: auto; border-bottom: solid ansi_default; }
#parts { height: 1fr; }
.part { height: auto; margin-bottom: 1; }
.title { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
.part.alone { height: 100%; margin: 0; }
.part.alone > PartTable { height: 1fr; max-height: 100%; }
PartTable { height: auto; max-height: 60vh; }
PartTable, PartTable:focus { background: ansi_default; color: ansi_default; background-tint: ansi_default 0%; }
PartTable > .datatable--header, PartTable:focus > .datatable--header,
PartTable:ansi > .datatable--header, PartTable > .datatable--header-hover {
    background: ansi_default; color: ansi_default; text-style: underline; background-tint: ansi_default 0%;
}
PartTable > .datatable--cursor, PartTable > .datatable--hover {
    background: ansi_default; color: ansi_default; text-style: none;
}
PartTable:focus > .datatable--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
#filter { border: none; height: 1; padding: 0; background: ansi_default; display: none; }
.text .title { height: 2; border-bottom: solid ansi_default; }
.text .body { width: auto; height: auto; }
"""
"""What Textual calls CSS: one line for what is where, then one part below the other."""
