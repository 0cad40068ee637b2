// A dashboard in Grafana's classic JSON, schemaVersion 38: Grafana 10 to 13 load it. Panels are
// placed here, in rows from left to right, so that a layout names sizes and no positions.

// Panels of one section below each other from y on: { y: where the next one begins, panels }.
local flow(section, y) =
  local place(state, panel) =
    local wraps = state.x + panel.width > 24;
    local x = if wraps then 0 else state.x;
    local top = if wraps then state.y + state.height else state.y;
    state {
      x: x + panel.width,
      y: top,
      height: if wraps then panel.height else std.max(state.height, panel.height),
      panels+: [panel { gridPos: { x: x, y: top, w: panel.width, h: panel.height } }],
    };
  local start = { x: 0, y: y, height: 0, panels: [] };
  local placed = std.foldl(place, section.panels, start);
  { y: placed.y + placed.height, panels: placed.panels };

local row(title, y) = {
  type: 'row',
  title: title,
  collapsed: false,
  panels: [],
  gridPos: { x: 0, y: y, w: 24, h: 1 },
};

local place_sections(sections) =
  local place(state, section) =
    local titled = std.objectHas(section, 'title');
    local placed = flow(section, state.y + if titled then 1 else 0);
    {
      y: placed.y,
      panels: state.panels + (if titled then [row(section.title, state.y)] else []) + placed.panels,
    };
  std.foldl(place, sections, { y: 0, panels: [] }).panels;

// A link to another of our dashboards that takes variables and time range along.
local link(other) = {
  type: 'link',
  title: other.title,
  tooltip: other.description,
  url: '/d/' + other.uid,
  icon: 'dashboard',
  tags: [],
  asDropdown: false,
  targetBlank: false,
  includeVars: true,
  keepTime: true,
};

{
  // about: { uid, title, description, time }; others: the `about` of those it links to;
  // sections: [{ title?, panels }].
  new(about, others, variables, annotations, sections, config)::
    local placed = place_sections(sections);
    {
      uid: about.uid,
      title: about.title,
      description: about.description,
      tags: config.dashboardTags,
      schemaVersion: 38,
      version: 1,
      editable: false,
      graphTooltip: 1,
      refresh: config.dashboardRefresh,
      timezone: 'browser',
      time: { from: about.time, to: 'now' },
      links: [link(other) for other in others],
      templating: { list: variables },
      annotations: { list: annotations },
      panels: [placed[i] { id: i + 1 } for i in std.range(0, std.length(placed) - 1)],
    },
}
