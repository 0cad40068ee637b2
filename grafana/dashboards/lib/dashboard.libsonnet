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

// A collapsed row has its panels in itself; they are where they will be when it is opened.
local row(title, y, collapsed, panels) = {
  type: 'row',
  title: title,
  collapsed: collapsed,
  panels: if collapsed then panels else [],
  gridPos: { x: 0, y: y, w: 24, h: 1 },
};

local place_sections(sections) =
  local place(state, section) =
    local titled = std.objectHas(section, 'title');
    local collapsed = std.get(section, 'collapsed', false);
    local placed = flow(section, state.y + if titled then 1 else 0);
    {
      y: if collapsed then state.y + 1 else placed.y,
      panels:
        state.panels +
        (if titled then [row(section.title, state.y, collapsed, placed.panels)] else []) +
        (if collapsed then [] else placed.panels),
    };
  std.foldl(place, sections, { y: 0, panels: [] }).panels;

local numbered(panels, first) = [panels[i] { id: first + i } for i in std.range(0, std.length(panels) - 1)];

// A link to another of our dashboards that takes variables and time range along; to one of
// everything (`wide`) only those that say where the data are.
local link(other, where) = {
  local wide = std.get(other, 'wide', false),
  type: 'link',
  title: other.title,
  tooltip: other.description,
  url: '/d/' + other.uid + if wide then '?' + where[1:] else '',
  icon: 'dashboard',
  tags: [],
  asDropdown: false,
  targetBlank: false,
  includeVars: !wide,
  keepTime: true,
};

{
  // about: { uid, title, description, time, wide? }; others: the `about` of those it links to, with
  // the variables that say where the data are; sections: [{ title?, collapsed?, panels }].
  new(about, others, where, variables, annotations, sections, config)::
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
      links: [link(other, where) for other in others],
      templating: { list: variables },
      annotations: { list: annotations },
      panels: [
        if std.get(panel, 'panels', []) == [] then panel
        else panel { panels: numbered(panel.panels, 100 * panel.id) }
        for panel in numbered(placed, 1)
      ],
    },
}
