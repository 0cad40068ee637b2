// Does the plugin judge the warnings of a red flag of that row (generated/red_flags.json)? Such
// alerts fire on its metric red_flag; the others compare the metric itself.
function(row) std.member(['growth', 'step', 'usual', 'baseline', 'others'], row.kind)
